"""WeCom's server calls for one corp's application: contact ways, moving contacts between guides, and who a contact is.

Whether a move arrives is known a day later and only by asking: accepted means started. A contact's `state_hint` says which contact way
it came by, has been seen wrong, and is checked against our own contact ways by whoever uses it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import httpx
import msgspec

from orders.ports import Refused, Unknown
from storefront.adapters.access_tokens import AccessTokenCache, GivenToken
from storefront.adapters.errcode import ATTEMPT_SECONDS, ErrcodeTransport, given_token, send
from storefront.adapters.pacing import Pace
from storefront.adapters.wecom import messages

Page = TypeVar("Page", messages.ResultAnswer, messages.UnassignedAnswer)
BASE = "/cgi-bin/externalcontact"
ONE, MANY = 1, 2
BY_CODE = 2
LONGEST_STATE, LONGEST_REMARK, LONGEST_NOTE = 30, 30, 200
MOST_AT_ONCE = 100
MOST_PAGES = 1000
WAY_GONE = "41044"


class ContactWay(msgspec.Struct, frozen=True):
    """A way to add guides. WeCom lists these nowhere: keep the id, or it can never be deleted."""

    id: str
    qr_code_url: str


class WayDeleted(msgspec.Struct, frozen=True):
    """The way is gone, now or before."""


class MoveStart(msgspec.Struct, frozen=True, kw_only=True):
    """Whether moving a contact began; the code is WeCom's own."""

    contact_id: str
    started: bool
    code: str


class MoveState(StrEnum):
    """What became of a move."""

    DONE = "done"
    """The contact is the taker's."""
    WAITING = "waiting"
    """The day has not passed; the shopper may still refuse."""
    REFUSED = "refused"
    """The shopper refused."""
    TAKER_FULL = "taker_full"
    """The taker has as many contacts as WeCom allows."""
    NONE = "none"
    """There is no such move, or a state that came since."""


class MoveResult(msgspec.Struct, frozen=True, kw_only=True):
    """A move's result; `at` is when it was, or will be, done."""

    contact_id: str
    state: MoveState
    at: datetime | None


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """One guide who has the contact."""

    user_id: str
    state_hint: str
    added_at: datetime
    way: int
    by_user_id: str


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A shopper as the corp sees them; the union id is there when the corp is bound to the open platform."""

    contact_id: str
    union_id: str | None
    follows: list[Follow]


class LeftBehind(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of somebody who has left."""

    user_id: str
    contact_id: str
    left_at: datetime


_STATES = {1: MoveState.DONE, 2: MoveState.WAITING, 3: MoveState.REFUSED, 4: MoveState.TAKER_FULL}


class WecomClient:
    """One application of one corp."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        corp_id: str,
        secret: str,
        application: str,
        base_url: str,
        tokens: AccessTokenCache,
        pace: Pace | None = None,
        **limits: Any,
    ) -> None:
        self._http = http
        self._corp_id = corp_id
        self._secret = secret
        self._application = application
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._transport = ErrcodeTransport(
            http, vendor="wecom", base_url=base_url, token=self._token, pace=pace, **limits
        )

    def __repr__(self) -> str:
        return f"WecomClient(corp_id={self._corp_id!r}, application={self._application!r})"

    async def add_contact_way(
        self, user_ids: Sequence[str], *, state: str, remark: str = "", temporary_seconds: int | None = None
    ) -> ContactWay | Refused | Unknown:
        """Make a code for one guide or several. Not repeated by itself: each call makes another one that nobody lists."""
        if len(state) > LONGEST_STATE:
            return Refused("STATE", f"a state has at most {LONGEST_STATE} characters")
        body: dict[str, Any] = {
            "type": ONE if len(user_ids) == 1 else MANY,
            "scene": BY_CODE,
            "user": list(user_ids),
            "state": state,
            "remark": remark[:LONGEST_REMARK],
            "skip_verify": True,
        }
        if temporary_seconds is not None:
            body |= {"is_temp": True, "expires_in": temporary_seconds}
        answer = await self._transport.ask(
            f"{BASE}/add_contact_way", kind=messages.WayAnswer, body=body, repeat=False
        )
        return (
            ContactWay(answer.config_id, answer.qr_code) if isinstance(answer, messages.WayAnswer) else answer
        )

    async def delete_contact_way(self, way_id: str) -> WayDeleted | Refused | Unknown:
        """Delete a way; one that is gone counts as deleted."""
        answer = await self._transport.fetch(f"{BASE}/del_contact_way", body={"config_id": way_id})
        gone = isinstance(answer, Refused) and answer.code == WAY_GONE
        return WayDeleted() if isinstance(answer, bytes) or gone else _no_bytes(answer)

    async def start_moves(
        self,
        contact_ids: Sequence[str],
        *,
        giver: str,
        taker: str,
        resigned: bool = False,
        note: str = "",
    ) -> list[MoveStart] | Refused | Unknown:
        """Begin moving contacts from one guide to another (at most 100). Begun is not done: ask for the results after a day."""
        if not 1 <= len(contact_ids) <= MOST_AT_ONCE:
            return Refused("CONTACTS", f"between 1 and {MOST_AT_ONCE} contacts at once")
        body: dict[str, Any] = {
            "handover_userid": giver,
            "takeover_userid": taker,
            "external_userid": list(contact_ids),
        }
        if note and not resigned:
            body["transfer_success_msg"] = note[:LONGEST_NOTE]
        # A lost answer is unknown and not repeated: the results tell what began, and a contact moves twice in 90 days at most.
        answer = await self._transport.ask(
            f"{_place(resigned=resigned)}/transfer_customer",
            kind=messages.StartAnswer,
            body=body,
            repeat=False,
        )
        if not isinstance(answer, messages.StartAnswer):
            return answer
        return [
            MoveStart(contact_id=each.external_userid, started=each.errcode == 0, code=str(each.errcode))
            for each in answer.customer
        ]

    async def move_results(
        self, *, giver: str, taker: str, resigned: bool = False
    ) -> list[MoveResult] | Refused | Unknown:
        """What became of all moves between two guides, all pages."""
        body = {"handover_userid": giver, "takeover_userid": taker}
        path = f"{_place(resigned=resigned)}/transfer_result"
        pages = await self._pages(path, body, kind=messages.ResultAnswer)
        if not isinstance(pages, list):
            return pages
        return [
            MoveResult(
                contact_id=each.external_userid,
                state=_STATES.get(each.status, MoveState.NONE),
                at=_moment(each.takeover_time),
            )
            for page in pages
            for each in page.customer
        ]

    async def left_behind(self) -> list[LeftBehind] | Refused | Unknown:
        """Contacts of people who have left, waiting for another guide, all pages."""
        pages = await self._pages(f"{BASE}/get_unassigned_list", {}, kind=messages.UnassignedAnswer)
        if not isinstance(pages, list):
            return pages
        return [
            LeftBehind(
                user_id=each.handover_userid,
                contact_id=each.external_userid,
                left_at=datetime.fromtimestamp(each.dimission_time, UTC),
            )
            for page in pages
            for each in page.left
        ]

    async def contact(self, contact_id: str) -> Contact | Refused | Unknown:
        """Who a contact is and which guides have it, all pages."""
        follows: list[Follow] = []
        cursor, union_id = "", None
        for _ in range(MOST_PAGES):
            query = {"external_userid": contact_id} | ({"cursor": cursor} if cursor else {})
            answer = await self._transport.ask(f"{BASE}/get", kind=messages.ContactAnswer, query=query)
            if not isinstance(answer, messages.ContactAnswer):
                return answer
            if answer.about.external_userid != contact_id:
                return Unknown("the answer is about another contact")
            union_id = answer.about.unionid or None
            follows += [_follow(each) for each in answer.followers]
            cursor = answer.next_cursor
            if not cursor:
                return Contact(contact_id=contact_id, union_id=union_id, follows=follows)
        return Unknown("pages without an end")

    async def _pages(
        self, path: str, body: dict[str, str], *, kind: type[Page]
    ) -> list[Page] | Refused | Unknown:
        pages: list[Page] = []
        cursor = ""
        while len(pages) < MOST_PAGES:
            answer = await self._transport.ask(
                path, kind=kind, body=body | ({"cursor": cursor} if cursor else {})
            )
            if isinstance(answer, Refused | Unknown):
                return answer
            pages.append(answer)
            cursor = answer.next_cursor
            if not cursor:
                return pages
        return Unknown("pages without an end")

    async def _token(self, useless: str | None) -> str:
        holder = f"wecom:{self._corp_id}:{self._application}"
        return await self._tokens.token(holder, self._ask_token, useless=useless)

    async def _ask_token(self, _useless: str | None) -> GivenToken:
        # gettoken gives the same token until it ends, to whoever asks.
        content = await send(
            self._http,
            f"{self._base_url}/cgi-bin/gettoken",
            query={"corpid": self._corp_id, "corpsecret": self._secret},
            body=None,
            seconds=ATTEMPT_SECONDS,
        )
        return given_token(content)


def _place(*, resigned: bool) -> str:
    return f"{BASE}/resigned" if resigned else BASE


def _moment(stamp: int) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def _follow(each: messages.Follower) -> Follow:
    return Follow(
        user_id=each.userid,
        state_hint=each.state,
        added_at=datetime.fromtimestamp(each.createtime, UTC),
        way=each.add_way,
        by_user_id=each.oper_userid,
    )


def _no_bytes(answer: bytes | Refused | Unknown) -> Refused | Unknown:
    return Unknown("an answer without meaning") if isinstance(answer, bytes) else answer
