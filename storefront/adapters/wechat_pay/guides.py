"""Guides' cards at WeChat Pay (支付即服务): the card of the guide who served is shown after payment, if assigned before it.

Assigning never blocks a payment: every outcome is a value, and the caller goes on whatever it is.
"""

from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from orders.ports import Refused, Unknown
from storefront.adapters.errors import CallbackUndecryptable
from storefront.adapters.wechat_pay.transport import Done, Transport

GUIDES = "/v3/smartguide/guides"


class CardRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A guide to register. `store_no` is WeChat's own number of the store; name and mobile travel encrypted."""

    corp_id: str
    store_no: int
    user_id: str
    name: str
    mobile: str
    qr_code_url: str
    avatar_url: str
    group_qr_code_url: str | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A registered guide."""

    card_id: str
    store_no: int | None = None
    user_id: str | None = None
    name: str | None = None

    def __repr__(self) -> str:
        return f"Card({self.card_id!r})"


class Assigned(msgspec.Struct, frozen=True):
    """WeChat took the assignment; whether the card appears depends on whether it came before the payment."""


class _Register(msgspec.Struct, frozen=True, kw_only=True):
    sub_mchid: str | UnsetType = UNSET
    corpid: str
    store_id: int
    userid: str
    name: str
    mobile: str
    qr_code: str
    avatar: str
    group_qrcode: str | UnsetType = UNSET


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    sub_mchid: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    mobile: str | UnsetType = UNSET
    qr_code: str | UnsetType = UNSET
    avatar: str | UnsetType = UNSET
    group_qrcode: str | UnsetType = UNSET


class _Assign(msgspec.Struct, frozen=True, kw_only=True):
    sub_mchid: str | UnsetType = UNSET
    out_trade_no: str


class _Registered(msgspec.Struct, frozen=True):
    guide_id: str


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    guide_id: str
    store_id: int | None = None
    userid: str | None = None
    name: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[_Listed]


class GuideCards:
    """One merchant's guides."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._credentials = transport.credentials

    async def register(self, request: CardRequest) -> Card | Refused | Unknown:
        """Register a guide; the same guide again answers the same card."""
        serial = self._credentials.sealing_key(self._transport.now()).serial
        body = _Register(
            sub_mchid=self._sub_mchid,
            corpid=request.corp_id,
            store_id=request.store_no,
            userid=request.user_id,
            name=self._sealed(request.name),
            mobile=self._sealed(request.mobile),
            qr_code=request.qr_code_url,
            avatar=request.avatar_url,
            group_qrcode=request.group_qr_code_url or UNSET,
        )
        answer = await self._transport.ask(
            "POST", GUIDES, kind=_Registered, body=msgspec.json.encode(body), serial=serial
        )
        if not isinstance(answer, _Registered):
            return answer
        return Card(card_id=answer.guide_id, store_no=request.store_no, user_id=request.user_id)

    async def change(
        self,
        card_id: str,
        *,
        name: str | None = None,
        mobile: str | None = None,
        qr_code_url: str | None = None,
        avatar_url: str | None = None,
    ) -> Card | Refused | Unknown:
        """Change what is shown of a guide."""
        serial = self._credentials.sealing_key(self._transport.now()).serial if name or mobile else None
        body = _Change(
            sub_mchid=self._sub_mchid,
            name=self._sealed(name) if name else UNSET,
            mobile=self._sealed(mobile) if mobile else UNSET,
            qr_code=qr_code_url or UNSET,
            avatar=avatar_url or UNSET,
        )
        # WeChat's own verb; our surface has no such one.
        answer = await self._transport.call(
            "PATCH", f"{GUIDES}/{quote(card_id, safe='')}", body=msgspec.json.encode(body), serial=serial
        )
        return Card(card_id=card_id) if isinstance(answer, Done) else answer

    async def assign(self, card_id: str, *, payment_no: str) -> Assigned | Refused | Unknown:
        """Name the guide of a payment; must come before the shopper pays, so before the pay parameters are handed out."""
        body = _Assign(sub_mchid=self._sub_mchid, out_trade_no=payment_no)
        path = f"{GUIDES}/{quote(card_id, safe='')}/assign"
        answer = await self._transport.call("POST", path, body=msgspec.json.encode(body))
        return Assigned() if isinstance(answer, Done) else answer

    async def look_up(self, *, store_no: int, user_id: str | None = None) -> list[Card] | Refused | Unknown:
        """The cards of a store, or of one guide there."""
        sub = self._credentials.sub
        path = f"{GUIDES}?store_id={store_no}"
        path += f"&userid={quote(user_id, safe='')}" if user_id else ""
        path += f"&sub_mchid={sub.mchid}" if sub else ""
        answer = await self._transport.ask("GET", path, kind=_Page)
        if not isinstance(answer, _Page):
            return answer
        try:
            return [
                Card(
                    card_id=each.guide_id,
                    store_no=each.store_id,
                    user_id=each.userid,
                    name=self._credentials.open_field(each.name) if each.name else None,
                )
                for each in answer.data
            ]
        except CallbackUndecryptable:
            return Unknown("the guides' names do not open with this merchant's key")

    @property
    def _sub_mchid(self) -> str | UnsetType:
        return self._credentials.sub.mchid if self._credentials.sub else UNSET

    def _sealed(self, text: str) -> str:
        return self._credentials.seal(text, now=self._transport.now())
