"""WeCom: tokens, contact ways, encrypted callbacks, and moving contacts with a day's wait."""

import asyncio
import base64
import hashlib
import re
import struct
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from storefront.simulators.faults import FaultKind
from tests.storefront.simulators.stranger import DAY

AES_KEY, TOKEN, CORP = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "tok", "ww-brand"
BASE = "/cgi-bin/externalcontact"


def decrypted(encrypted: str) -> str:
    """What the holder of the key reads."""
    key = base64.b64decode(AES_KEY + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    length = struct.unpack(">I", plain[16:20])[0]
    assert plain[20 + length :].decode() == CORP
    return plain[20 : 20 + length].decode()


class Desk:
    """A corp's callback address: checks the signature, keeps what arrives, echoes when the address is verified."""

    def __init__(self) -> None:
        self.url, self.said, self.echoes = "", [], True

    async def converse(self, reader, writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        verb, target, _ = head[0].split(" ")
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        length = next(
            (int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")), 0
        )
        body = (await reader.readexactly(length)).decode()
        encrypted = query.get("echostr") or re.search(r"<Encrypt><!\[CDATA\[(.*?)\]\]>", body)[1]
        parts = sorted([TOKEN, query["timestamp"], query["nonce"], encrypted])
        assert hashlib.sha1("".join(parts).encode()).hexdigest() == query["msg_signature"]
        answer = decrypted(encrypted).encode() if verb == "GET" and self.echoes else b""
        if verb == "POST":
            self.said.append(decrypted(encrypted))
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n".encode() + answer
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def told(xml: str, name: str) -> str:
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</{name}>", xml)
    return found[1] if found else ""


@pytest.fixture
async def desk():
    desk = Desk()
    server = await asyncio.start_server(desk.converse, "127.0.0.1", 0)
    desk.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/wecom"
    async with server:
        yield desk


class Company:
    """The brand's server."""

    def __init__(self, control, http, token: str) -> None:
        self.control, self.http, self.token = control, http, token
        self.renews = True

    async def fresh_token(self) -> None:
        query = {"corpid": CORP, "corpsecret": "s1"}
        found = (await self.http.get(f"{self.control.url}/cgi-bin/gettoken", params=query)).json()
        self.token = found["access_token"]

    async def call(self, path: str, **body) -> dict:
        query = {"access_token": self.token}
        found = (await self.http.post(f"{self.control.url}{BASE}/{path}", params=query, json=body)).json()
        if found["errcode"] == 42001 and self.renews:
            await self.fresh_token()
            return await self.call(path, **body)
        return found

    async def get(self, external: str) -> dict:
        await self.fresh_token()
        query = {"access_token": self.token, "external_userid": external}
        return (await self.http.get(f"{self.control.url}{BASE}/get", params=query)).json()

    async def scan(self, userid: str = "lin", **more) -> str:
        return (await self.control.command("wecom/scan", corpid=CORP, userid=userid, **more))[
            "externalUserid"
        ]

    async def move(self, *externals: str, giver="lin", taker="chen", resigned=False) -> list[int]:
        path = "resigned/transfer_customer" if resigned else "transfer_customer"
        body = {"handover_userid": giver, "takeover_userid": taker, "external_userid": list(externals)}
        return [each["errcode"] for each in (await self.call(path, **body))["customer"]]

    async def result(self, giver="lin", taker="chen", *, resigned=False) -> dict:
        path = "resigned/transfer_result" if resigned else "transfer_result"
        (found,) = (await self.call(path, handover_userid=giver, takeover_userid=taker))["customer"]
        return found


@pytest.fixture
async def company(control, http, desk) -> Company:
    await control.command(
        "wecom/corps",
        corpid=CORP,
        secrets={"contacts": "s1"},
        callback_url=desk.url,
        token=TOKEN,
        aes_key=AES_KEY,
    )
    for userid in ("lin", "chen", "wu"):
        await control.command("wecom/members", corpid=CORP, userid=userid)
    query = {"corpid": CORP, "corpsecret": "s1"}
    found = (await http.get(f"{control.url}/cgi-bin/gettoken", params=query)).json()
    assert found["expires_in"] == 7200
    return Company(control, http, found["access_token"])


async def test_a_token_is_of_a_corp_and_an_application_and_ends(company, http, control):
    for query, code in (
        ({"corpid": "none", "corpsecret": "s1"}, 40013),
        ({"corpid": CORP, "corpsecret": "x"}, 40001),
    ):
        assert (await http.get(f"{control.url}/cgi-bin/gettoken", params=query)).json()["errcode"] == code
    token, company.token = company.token, "invented"
    assert (await company.call("get_unassigned_list"))["errcode"] == 40014
    company.token, company.renews = token, False
    await control.advance(7200)
    assert (await company.call("get_unassigned_list"))["errcode"] == 42001


async def test_the_address_is_verified_by_what_only_its_key_reads(company, desk, control):
    assert (await control.command("wecom/verify-url", corpid=CORP))["verified"] is True
    desk.echoes = False
    assert (await control.command("wecom/verify-url", corpid=CORP))["verified"] is False


async def test_a_contact_way_has_one_member_a_scene_and_a_short_state(company):
    good = {"type": 1, "scene": 2, "user": ["lin"], "state": "st-1"}
    for wrong, code in (
        ({"type": None}, 41037),
        ({"scene": 9}, 41040),
        ({"user": ["lin", "wu"]}, 40058),
        ({"state": "x" * 31}, 40058),
        ({"user": ["none"]}, 60111),
    ):
        assert (await company.call("add_contact_way", **{**good, **wrong}))["errcode"] == code
    made = await company.call("add_contact_way", **good)
    assert (await company.call("get_contact_way", config_id=made["config_id"]))["contact_way"][
        "state"
    ] == "st-1"
    assert (await company.call("del_contact_way", config_id=made["config_id"]))["errcode"] == 0
    assert (await company.call("del_contact_way", config_id=made["config_id"]))["errcode"] != 0


@pytest.mark.parametrize(("wrong", "state"), [({}, "st-1"), ({"wrong_state": "st-9"}, "st-9")])
async def test_a_scan_is_told_with_the_state_or_with_a_wrong_one(company, desk, control, wrong, state):
    made = await company.call("add_contact_way", type=1, scene=2, user=["lin"], state="st-1")
    body = {"corpid": CORP, "config_id": made["config_id"], "unionid": "u-1"}
    external = (await control.command("wecom/scan", **body, **wrong))["externalUserid"]
    await control.advance(0)
    (xml,) = desk.said
    seen = [told(xml, name) for name in ("ChangeType", "UserID", "ExternalUserID", "State")]
    assert seen == ["add_external_contact", "lin", external, state]
    found = await company.get(external)
    assert (found["external_contact"]["unionid"], found["follow_user"][0]["state"]) == ("u-1", "st-1")
    await control.command("wecom/scan", **body, external_userid=external)
    await control.advance(0)
    assert len(desk.said) == 1


async def test_a_parting_is_told_by_who_did_it(company, desk, control):
    first, second = await company.scan(), await company.scan()
    await control.command("wecom/part", corpid=CORP, userid="lin", external_userid=first)
    await control.command("wecom/part", corpid=CORP, userid="lin", external_userid=second, by_shopper=False)
    await control.advance(0)
    changes = [told(each, "ChangeType") for each in desk.said]
    assert sorted(changes[2:]) == ["del_external_contact", "del_follow_user"]
    assert (await company.get(first))["errcode"] == 84061


async def test_a_transfer_takes_a_day_and_nobody_is_told(company, desk, control):
    external = await company.scan()
    await control.advance(0)
    assert (await company.move(external), await company.move(external)) == ([0], [40129])
    waiting = await company.result()
    assert (waiting["status"], waiting["takeover_time"] > 0) == (2, True)
    await control.advance(DAY - 60)
    assert (await company.result())["status"] == 2
    await control.advance(60)
    assert (await company.result())["status"] == 1
    assert [each["userid"] for each in (await company.get(external))["follow_user"]] == ["chen"]
    assert len(desk.said) == 1


async def test_a_shopper_who_refuses_stays_and_the_refusal_is_told(company, desk, control):
    external = await company.scan()
    await company.move(external)
    await control.command("wecom/refuse", corpid=CORP, external_userid=external)
    await control.advance(0)
    assert ((await company.result())["status"], told(desk.said[-1], "FailReason")) == (3, "customer_refused")
    assert [each["userid"] for each in (await company.get(external))["follow_user"]] == ["lin"]


async def test_a_third_transfer_within_ninety_days_is_too_often(company, control):
    external = await company.scan()
    for giver, taker in (("lin", "chen"), ("chen", "lin")):
        assert await company.move(external, giver=giver, taker=taker) == [0]
        await control.advance(DAY)
    assert await company.move(external) == [40128]
    await control.advance(90 * DAY)
    assert await company.move(external) == [0]


async def test_a_taker_at_the_limit_gets_nobody(company, desk, control):
    await control.command("wecom/members", corpid=CORP, userid="wu", contact_limit=0)
    external = await company.scan()
    await company.move(external, taker="wu")
    await control.advance(DAY)
    assert ((await company.result(taker="wu"))["status"], told(desk.said[-1], "FailReason")) == (
        4,
        "customer_limit_exceed",
    )


async def test_a_leavers_contacts_wait_and_are_moved_by_the_other_call(company, control):
    external = await company.scan()
    await control.command("wecom/leave", corpid=CORP, userid="lin")
    (waiting,) = (await company.call("get_unassigned_list"))["info"]
    assert (waiting["handover_userid"], waiting["external_userid"]) == ("lin", external)
    body = {"handover_userid": "lin", "takeover_userid": "chen", "external_userid": [external]}
    assert (await company.call("transfer_customer", **body))["errcode"] == 60111
    assert await company.move(external, resigned=True) == [0]
    await control.advance(DAY)
    assert (await company.result(resigned=True))["status"] == 1
    assert (await company.call("get_unassigned_list"))["info"] == []


async def test_who_cannot_take_or_is_not_theirs_is_refused(company, control):
    external = await company.scan()
    assert await company.move(external, taker="lin") == [40130]
    assert await company.move(external, giver="chen", taker="wu") == [40131]
    assert await company.move("wm-none") == [40096]
    await control.command("wecom/members", corpid=CORP, userid="wu", activated=False)
    body = {"handover_userid": "lin", "takeover_userid": "wu", "external_userid": [external]}
    assert (await company.call("transfer_customer", **body))["errcode"] == 41054
    assert (await company.call("resigned/transfer_customer", **{**body, "takeover_userid": "chen"}))[
        "errcode"
    ] == 40097


async def test_planned_trouble_comes_in_wecoms_form(company, control):
    await control.plan_fault(FaultKind.LIMITED, path=f"{BASE}/*")
    assert (await company.call("get_unassigned_list"))["errcode"] == 45009


async def test_groups_of_leavers_are_given_on_once_a_day_and_those_of_colleagues_are_not(company, control):
    for chat, owner in (("g1", "lin"), ("g2", "wu")):
        await control.command("wecom/groups", corpid=CORP, chat_id=chat, owner=owner)
    await control.command("wecom/leave", corpid=CORP, userid="lin")

    async def give(*chats: str, to="chen") -> dict[str, int]:
        found = await company.call("groupchat/transfer", chat_id_list=list(chats), new_owner=to)
        return {each["chat_id"]: each["errcode"] for each in found["failed_chat_list"]}

    assert await give("g1", "g2", "g3") == {"g2": 90500, "g3": 49008}
    owners = {each["chat_id"]: each["owner"] for each in (await control.look("wecom"))[0]["groups"]}
    assert owners == {"g1": "chen", "g2": "wu"}
    await control.command("wecom/leave", corpid=CORP, userid="chen")
    assert await give("g1", to="wu") == {"g1": 90501}
    await control.advance(DAY)
    await company.fresh_token()
    assert await give("g1", to="wu") == {}
