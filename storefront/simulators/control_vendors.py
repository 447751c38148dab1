"""Control of what happens at mini-programs and in WeCom: log-ins, phone buttons, consents; scans, partings, refusals, leavers."""

from typing import Annotated

import httpx
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from storefront.simulators.control_frame import Command, ControlRefusal, Name, Part, commanded, shown
from storefront.simulators.control_merchants import Url
from storefront.simulators.local_http import open_http_client
from storefront.simulators.passing import TransferFailed
from storefront.simulators.wechat_mini.calls import make_phone_code
from storefront.simulators.wechat_mini.login import make_code
from storefront.simulators.wechat_mini.push import push_signature
from storefront.simulators.wechat_mini.records import Consent
from storefront.simulators.wecom import contacts, crypto, transfers
from storefront.simulators.wecom.records import Corp, Member

AES_KEY_LENGTH = 43


class MakeLogin(Command, kw_only=True):
    """Make a login code for a shopper."""

    appid: Name
    openid: Name | None = None
    unionid: Name | None = None


class PressPhoneButton(Command, kw_only=True):
    """Make a phone button's code; a foreign number is written `+852 51234567`."""

    appid: Name
    phone: Annotated[str, Meta(min_length=3, max_length=32)]


class Accept(Command, kw_only=True):
    """Accept so many more messages of a template, as the shopper."""

    appid: Name
    openid: Name
    template_id: Name
    times: Annotated[int, Meta(ge=1)] = 1


class RegisterCorp(Command, kw_only=True):
    """Open (or change) a corp: application secrets by name, and its callback's address, token and EncodingAESKey."""

    corpid: Name
    secrets: dict[str, str]
    callback_url: Url | None = None
    token: str = ""
    aes_key: Annotated[str, Meta(pattern=r"^([0-9A-Za-z]{43})?$")] = ""


class RegisterMember(Command, kw_only=True):
    """Open (or change) a member."""

    corpid: Name
    userid: Name
    name: str = ""
    activated: bool = True
    real_name: bool = True
    in_scope: bool = True
    contact_limit: Annotated[int, Meta(ge=0)] = 20_000


class OfMember(Command, kw_only=True):
    """Name a member."""

    corpid: Name
    userid: Name


class Scan(Command, kw_only=True):
    """Add a member as a shopper: by a contact way (`configId`) or directly; `wrongState` is what the event says instead."""

    corpid: Name
    config_id: str | None = None
    userid: Name | None = None
    external_userid: Name | None = None
    unionid: Name | None = None
    wrong_state: str | None = None


class PartWays(Command, kw_only=True):
    """Delete the bond: as the shopper, or as the member."""

    corpid: Name
    userid: Name
    external_userid: Name
    by_shopper: bool = True


class RefuseTransfer(Command, kw_only=True):
    """Refuse to be moved, now and later, as the shopper."""

    corpid: Name
    external_userid: Name


class VerifyUrl(Command, kw_only=True):
    """Verify the corp's callback address, as saving it in the console does."""

    corpid: Name


class VerifyPushUrl(Command, kw_only=True):
    """Verify the mini-program's push address, as saving it in the console does."""

    appid: Name


class Vendors(Part):
    """Carries out commands about mini-programs and WeCom."""

    def make_login(self, command: MakeLogin) -> dict[str, object]:
        """Make a code."""
        self._app(command.appid)
        code = make_code(self.simulation, appid=command.appid, openid=command.openid, unionid=command.unionid)
        return {"code": code, "openid": self.state.codes[code].openid}

    def press_phone_button(self, command: PressPhoneButton) -> dict[str, object]:
        """Make a code."""
        self._app(command.appid)
        return {"code": make_phone_code(self.simulation, command.appid, phone=command.phone)}

    def accept(self, command: Accept) -> dict[str, object]:
        """Count acceptances."""
        self._app(command.appid)
        key = f"{command.appid}/{command.openid}/{command.template_id}"
        left = self.state.consents[key].left if key in self.state.consents else 0
        self.state.consents[key] = Consent(
            appid=command.appid,
            openid=command.openid,
            template_id=command.template_id,
            left=left + command.times,
        )
        return {"left": left + command.times}

    def _app(self, appid: str) -> None:
        if appid not in self.state.apps:
            raise ControlRefusal(404, "APP_UNKNOWN")

    def register_corp(self, command: RegisterCorp) -> dict[str, object]:
        """Keep the corp's keys; its members and contacts stay."""
        corp = self.state.corps.setdefault(command.corpid, Corp(corpid=command.corpid))
        if command.callback_url is not None and len(command.aes_key) != AES_KEY_LENGTH:
            raise ControlRefusal(422, "AES_KEY_MISSING")
        corp.secrets, corp.callback_url = command.secrets, command.callback_url
        corp.token, corp.aes_key = command.token, command.aes_key
        return {"corpid": corp.corpid}

    def _corp(self, corpid: str) -> Corp:
        self.pass_time()
        if corpid not in self.state.corps:
            raise ControlRefusal(404, "CORP_UNKNOWN")
        return self.state.corps[corpid]

    def register_member(self, command: RegisterMember) -> dict[str, object]:
        """Keep the member."""
        self._corp(command.corpid).members[command.userid] = Member(
            userid=command.userid,
            name=command.name,
            activated=command.activated,
            real_name=command.real_name,
            in_scope=command.in_scope,
            contact_limit=command.contact_limit,
        )
        return {"userid": command.userid}

    def leave(self, command: OfMember) -> dict[str, object]:
        """A member leaves the company."""
        corp = self._corp(command.corpid)
        if command.userid not in corp.members:
            raise ControlRefusal(404, "MEMBER_UNKNOWN")
        transfers.leave(self.simulation, corp, userid=command.userid)
        return {"unassigned": len(corp.unassigned)}

    def scan(self, command: Scan) -> dict[str, object]:
        """A shopper adds a member."""
        corp = self._corp(command.corpid)
        way = corp.ways.get(command.config_id or "")
        if command.config_id is not None and way is None:
            raise ControlRefusal(404, "WAY_UNKNOWN")
        userid = command.userid or (way.users[0] if way is not None and way.users else "")
        if userid not in corp.members:
            raise ControlRefusal(404, "MEMBER_UNKNOWN")
        state = way.state if way is not None else ""
        contact, told = contacts.scan(
            self.simulation,
            corp,
            userid=userid,
            state=state,
            told_state=state if command.wrong_state is None else command.wrong_state,
            external=command.external_userid,
            unionid=command.unionid,
        )
        for letter in told:
            self.callbacks.queue(letter)
        return {"externalUserid": contact.external_userid, "userid": userid}

    def part_ways(self, command: PartWays) -> dict[str, object]:
        """A bond ends by hand."""
        corp = self._corp(command.corpid)
        for letter in contacts.part(
            corp, userid=command.userid, external=command.external_userid, by_shopper=command.by_shopper
        ):
            self.callbacks.queue(letter)
        return {}

    def refuse(self, command: RefuseTransfer) -> dict[str, object]:
        """A shopper refuses to be moved."""
        corp = self._corp(command.corpid)
        if command.external_userid not in corp.contacts:
            raise ControlRefusal(404, "CONTACT_UNKNOWN")
        failed = transfers.refuse(self.simulation, corp, external=command.external_userid)
        self.callbacks.tell([TransferFailed(*each) for each in failed])
        return {"refused": len(failed)}

    async def verify_url(self, command: VerifyUrl) -> dict[str, object]:
        """Ask the callback address to echo what only the holder of its key can read."""
        corp = self._corp(command.corpid)
        if corp.callback_url is None:
            raise ControlRefusal(409, "NO_CALLBACK_URL")
        word, stamp = self.simulation.draw_digits("echo", 19), self.simulation.clock.stamp()
        echo = crypto.encrypt(corp, word, salt=self.simulation.draw("salt")[:16].encode())
        nonce = self.simulation.draw_digits("nonce", 10)
        query = {"timestamp": str(stamp), "nonce": nonce, "echostr": echo}
        query["msg_signature"] = crypto.signature(corp, echo, stamp=stamp, nonce=nonce)
        return await _echoed(corp.callback_url, query, word=word)

    async def verify_push_url(self, command: VerifyPushUrl) -> dict[str, object]:
        """Ask the push address to echo a word."""
        self._app(command.appid)
        app = self.state.apps[command.appid]
        if app.push_url is None:
            raise ControlRefusal(409, "NO_CALLBACK_URL")
        word, stamp = self.simulation.draw_digits("echo", 19), self.simulation.clock.stamp()
        nonce = self.simulation.draw_digits("nonce", 10)
        signed = push_signature(app, stamp=stamp, nonce=nonce)
        query = {"signature": signed, "timestamp": str(stamp), "nonce": nonce, "echostr": word}
        return await _echoed(app.push_url, query, word=word)

    def show_corps(self) -> list[object]:
        """Show corps with members, contacts, ways and transfers."""
        self.pass_time()
        return [
            {
                "corpid": corp.corpid,
                "members": list(corp.members.values()),
                "contacts": list(corp.contacts.values()),
                "contactWays": list(corp.ways.values()),
                "transfers": corp.transfers,
                "unassigned": corp.unassigned,
            }
            for corp in self.state.corps.values()
        ]


async def _echoed(url: str, query: dict[str, str], *, word: str) -> dict[str, object]:
    try:
        async with open_http_client(kept_alive=0) as http:
            answer = await http.get(url, params=query)
    except httpx.HTTPError as error:
        return {"verified": False, "answer": type(error).__name__}
    return {"verified": answer.is_success and answer.text == word, "answer": answer.text[:200]}


def vendor_routes(part: Vendors) -> list[HTTPRouteHandler]:
    """The paths of this part."""
    return [
        commanded(part, "/simulator/apps/verify-url", kind=VerifyPushUrl, work=part.verify_push_url),
        commanded(part, "/simulator/logins", kind=MakeLogin, work=part.make_login),
        commanded(part, "/simulator/phone-codes", kind=PressPhoneButton, work=part.press_phone_button),
        commanded(part, "/simulator/consents", kind=Accept, work=part.accept),
        commanded(part, "/simulator/wecom/corps", kind=RegisterCorp, work=part.register_corp),
        commanded(part, "/simulator/wecom/members", kind=RegisterMember, work=part.register_member),
        commanded(part, "/simulator/wecom/leave", kind=OfMember, work=part.leave),
        commanded(part, "/simulator/wecom/scan", kind=Scan, work=part.scan),
        commanded(part, "/simulator/wecom/part", kind=PartWays, work=part.part_ways),
        commanded(part, "/simulator/wecom/refuse", kind=RefuseTransfer, work=part.refuse),
        commanded(part, "/simulator/wecom/verify-url", kind=VerifyUrl, work=part.verify_url),
        shown(part, "/simulator/wecom", show=part.show_corps),
    ]
