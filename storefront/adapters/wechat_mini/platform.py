"""A mini-program's server calls besides log-in: phone numbers, codes as pictures, links, messages, and telling that goods were collected.

Every outcome is a value. A message to a shopper never blocks anything: it was sent, or it was not and why.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import httpx
import msgspec

from orders.ports import Refused, Unknown
from storefront.adapters.access_tokens import AccessTokenCache, GivenToken
from storefront.adapters.errcode import ATTEMPT_SECONDS, ErrcodeTransport, given_token, send
from storefront.adapters.pacing import Pace
from storefront.adapters.wechat_mini import messages

LONGEST_SCENE, LONGEST_ITEM = 32, 120
LONGEST_THING = 20
CODE_REFUSED, NO_CONSENT = frozenset({"40029", "40163"}), frozenset({"43101"})
SHIPPED_ALREADY = frozenset({"10060003", "10060023"})
PICKUP, UNIFIED = 4, 1
BY_MERCHANT_NUMBER, BY_TRANSACTION = 1, 2
PNG, JPEG = b"\x89PNG", b"\xff\xd8"


class PhoneNumber(msgspec.Struct, frozen=True):
    """A shopper's number, of which no text shows more than the end."""

    number: str
    country_code: str

    def __repr__(self) -> str:
        """Hide the number."""
        return f"PhoneNumber(…{self.number[-2:]})"


class CodeUsed(msgspec.Struct, frozen=True):
    """The phone button's code is bad, used, or of another button: the shopper taps again."""


class Picture(msgspec.Struct, frozen=True):
    """A code as a picture; the caller keeps it, since making one counts against the day's quota."""

    content: bytes
    media_type: str


class Sent(msgspec.Struct, frozen=True):
    """The message was taken; one acceptance of the shopper is used up."""


class NotSent(msgspec.Struct, frozen=True):
    """The message was not sent. `may_retry` is False where the shopper has not agreed or the message is wrong."""

    reason: str
    may_retry: bool


class Delivered(msgspec.Struct, frozen=True):
    """The platform knows that the goods were handed over."""


class TradeState(StrEnum):
    """Where an order stands for the platform that holds its money."""

    TO_SHIP = "to_ship"
    """Paid, nothing told yet."""
    SHIPPED = "shipped"
    """Told; waits for the shopper or for two (pickup) or ten (express) days."""
    RECEIVED = "received"
    """The shopper confirmed, or time did."""
    FINISHED = "finished"
    """Settled: may be split."""
    REFUNDED = "refunded"
    """All money went back."""
    AWAITING_SETTLEMENT = "awaiting_settlement"
    """Received; settles the next day."""
    UNKNOWN = "unknown"
    """A state that came since."""


_STATES = {
    1: TradeState.TO_SHIP,
    2: TradeState.SHIPPED,
    3: TradeState.RECEIVED,
    4: TradeState.FINISHED,
    5: TradeState.REFUNDED,
    6: TradeState.AWAITING_SETTLEMENT,
}
_TOLD = frozenset(
    {TradeState.SHIPPED, TradeState.RECEIVED, TradeState.FINISHED, TradeState.AWAITING_SETTLEMENT}
)


class TradeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the platform sees it; this, and not the push event, decides whether its money may be split."""

    transaction_id: str
    state: TradeState
    in_dispute: bool = False


class MiniProgram:
    """One mini-program's server."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        appid: str,
        secret: str,
        base_url: str,
        tokens: AccessTokenCache,
        now: Callable[[], datetime],
        pace: Pace | None = None,
        **limits: Any,
    ) -> None:
        self._http = http
        self._appid = appid
        self._secret = secret
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._now = now
        self._transport = ErrcodeTransport(
            http, vendor="wechat_mini", base_url=base_url, token=self._token, pace=pace, **limits
        )

    def __repr__(self) -> str:
        return f"MiniProgram(appid={self._appid!r})"

    async def phone_number(self, code: str) -> PhoneNumber | CodeUsed | Refused | Unknown:
        """Exchange the phone button's one-use code (never wx.login's). Charged a call."""
        answer = await self._transport.ask(
            "/wxa/business/getuserphonenumber", kind=messages.PhoneAnswer, body={"code": code}, repeat=False
        )
        if isinstance(answer, Refused) and answer.code in CODE_REFUSED:
            return CodeUsed()
        if not isinstance(answer, messages.PhoneAnswer):
            return answer
        found = answer.phone
        if found.watermark.appid not in {"", self._appid}:
            return Unknown("the number is another mini-program's")
        return PhoneNumber(found.pure_number, found.country_code)

    async def unlimited_code(
        self, scene: str, *, page: str, width: int = 430, version: str = "release", check_page: bool = True
    ) -> Picture | Refused | Unknown:
        """A picture that opens `page` with `scene`; put a short opaque code in it and resolve it on the server."""
        if not 1 <= len(scene) <= LONGEST_SCENE or page.startswith("/") or "?" in page:
            return Refused("SCENE", "a scene has 1 to 32 characters, a page neither leading slash nor query")
        body = {
            "scene": scene,
            "page": page,
            "width": width,
            "env_version": version,
            "check_path": check_page,
        }
        content = await self._transport.fetch("/wxa/getwxacodeunlimit", body=body)
        if not isinstance(content, bytes):
            return content
        if content.startswith(PNG):
            return Picture(content, "image/png")
        return Picture(content, "image/jpeg") if content.startswith(JPEG) else Unknown("no picture")

    async def url_link(
        self, path: str, *, query: str = "", days: int = 30, version: str = "release"
    ) -> str | Refused | Unknown:
        """A link that opens the mini-program from outside WeChat, for at most so many days."""
        body = {
            "path": path,
            "query": query,
            "expire_type": 1,
            "expire_interval": days,
            "env_version": version,
        }
        answer = await self._transport.ask("/wxa/generate_urllink", kind=messages.LinkAnswer, body=body)
        return answer.url_link if isinstance(answer, messages.LinkAnswer) else answer

    async def send_message(
        self,
        openid: str,
        *,
        template_id: str,
        values: Mapping[str, str],
        page: str | None = None,
        version: str = "formal",
    ) -> Sent | NotSent:
        """Send a subscribe message: once, never again by itself, because a lost answer may have been a message."""
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "miniprogram_state": version,
            "lang": "zh_CN",
            "data": {name: {"value": _fitting(name, value)} for name, value in values.items()},
        }
        if page:
            body["page"] = page
        answer = await self._transport.fetch("/cgi-bin/message/subscribe/send", body=body, repeat=False)
        if isinstance(answer, bytes):
            return Sent()
        if isinstance(answer, Unknown):
            return NotSent(answer.reason, may_retry=False)
        reason = "the shopper has not agreed" if answer.code in NO_CONSENT else f"refused ({answer.code})"
        return NotSent(reason, may_retry=False)

    async def tell_collected(
        self, transaction_id: str, *, openid: str, item: str
    ) -> Delivered | Refused | Unknown:
        """Say that the goods were collected in the store (type 4, exactly one element). A doubt is settled by asking."""
        body = {
            "order_key": {"order_number_type": BY_TRANSACTION, "transaction_id": transaction_id},
            "logistics_type": PICKUP,
            "delivery_mode": UNIFIED,
            "shipping_list": [{"item_desc": item[:LONGEST_ITEM] or "商品"}],
            "upload_time": self._now().astimezone(UTC).isoformat(timespec="milliseconds"),
            "payer": {"openid": openid},
        }
        # Not repeated blindly: only one change is allowed after the first, and a repeat would be it.
        answer = await self._transport.fetch("/wxa/sec/order/upload_shipping_info", body=body, repeat=False)
        if isinstance(answer, bytes):
            return Delivered()
        if isinstance(answer, Refused) and answer.code not in SHIPPED_ALREADY:
            return answer
        seen = await self.trade_order(transaction_id)
        return Delivered() if isinstance(seen, TradeOrder) and seen.state in _TOLD else answer

    async def trade_order(self, transaction_id: str) -> TradeOrder | Refused | Unknown:
        """Where an order stands for the platform."""
        answer = await self._transport.ask(
            "/wxa/sec/order/get_order",
            kind=messages.OrderAnswer,
            body={"transaction_id": transaction_id},
        )
        if not isinstance(answer, messages.OrderAnswer):
            return answer
        found = answer.order
        if found.transaction_id != transaction_id:
            return Unknown("the answer is about another order")
        state = _STATES.get(found.order_state, TradeState.UNKNOWN)
        return TradeOrder(transaction_id=transaction_id, state=state, in_dispute=found.in_complaint)

    async def is_trade_managed(self) -> bool | Refused | Unknown:
        """Whether the platform holds this mini-program's money until goods are received."""
        answer = await self._transport.ask(
            "/wxa/sec/order/is_trade_managed", kind=messages.ManagedAnswer, body={"appid": self._appid}
        )
        return answer.is_trade_managed if isinstance(answer, messages.ManagedAnswer) else answer

    async def _token(self, useless: str | None) -> str:
        return await self._tokens.token(f"mini:{self._appid}", self._ask_token, useless=useless)

    async def _ask_token(self, useless: str | None) -> GivenToken:
        given = await self._stable_token(forced=False)
        # Forcing is rationed (a few times a day), so it is kept for a token that was really refused.
        return given if given.token != useless else await self._stable_token(forced=True)

    async def _stable_token(self, *, forced: bool) -> GivenToken:
        body = {
            "grant_type": "client_credential",
            "appid": self._appid,
            "secret": self._secret,
            "force_refresh": forced,
        }
        content = await send(
            self._http,
            f"{self._base_url}/cgi-bin/stable_token",
            query={},
            body=body,
            seconds=ATTEMPT_SECONDS,
        )
        return given_token(content)


def _fitting(name: str, value: str) -> str:
    """A `thing` takes 20 characters; one too long would lose the whole message."""
    return (
        value[: LONGEST_THING - 1] + "…" if name.startswith("thing") and len(value) > LONGEST_THING else value
    )
