"""Ordinary profit sharing (`/v3/profitsharing`) as `settlement.ports.SplittingChannel`, for a merchant or a service provider's sub-merchant.

What the chain-brand product does alike is inherited there; what differs (paths and words) is a method of its own here.
"""

from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from orders.ports import Refused, Unknown
from settlement.ports import (
    UNFREEZE_PREFIX,
    Added,
    ChannelReturn,
    ChannelSplit,
    Deleted,
    Ended,
    Reason,
    Receiver,
    ReceiverKind,
    Relation,
    ReturnRequest,
    SplitPart,
    SplitRefused,
    SplitRequest,
    UnfreezeRequest,
)
from storefront.adapters.wechat_pay import sharing_messages as words
from storefront.adapters.wechat_pay import translate_sharing as translate
from storefront.adapters.wechat_pay.transport import Done, Transport, told
from tenants.kernel.money import Bps, Fen

Kind = TypeVar("Kind")
NOTHING_LEFT = "NOT_ENOUGH"


class Sharing:
    """Splits one payee's payments."""

    base = "/v3/profitsharing"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._credentials = transport.credentials

    async def add_receiver(self, receiver: Receiver) -> Added | SplitRefused | Unknown:
        """Allow splitting to a receiver; WeChat compares the name with the registered one."""
        body, serial = self._add_body(receiver)
        answer = await self._ask("POST", "/receivers/add", kind=words.Echo, body=body, serial=serial)
        return Added() if isinstance(answer, words.Echo) else answer

    async def delete_receiver(self, receiver: Receiver) -> Deleted | SplitRefused | Unknown:
        """Stop splitting to a receiver."""
        answer = await self._ask(
            "POST", "/receivers/delete", kind=words.Echo, body=self._delete_body(receiver)
        )
        return Deleted() if isinstance(answer, words.Echo) else answer

    async def split(self, request: SplitRequest) -> ChannelSplit | SplitRefused | Unknown:
        """Divide a payment; accepted is not done."""
        named = any(part.name for part in request.parts)
        answer = await self._ask(
            "POST",
            "/orders",
            kind=words.SplitAnswer,
            body=self._split_body(request),
            serial=self._sealing_serial() if named else None,
        )
        return self._read_split(answer, number=request.split_no, transaction_id=request.transaction_id)

    async def look_up_split(
        self, split_no: str, *, transaction_id: str
    ) -> ChannelSplit | SplitRefused | Unknown:
        """Ask what became of a split or unfreeze number."""
        target = self._look_up_target(split_no, transaction_id=transaction_id)
        answer = await self._ask("GET", target, kind=words.SplitAnswer)
        return self._read_split(answer, number=split_no, transaction_id=transaction_id)

    async def unfreeze(self, request: UnfreezeRequest) -> Ended | SplitRefused | Unknown:
        """End splitting; an answer that nothing is left means that it has ended."""
        body = words.Unfreeze(
            sub_mchid=self._sub_mchid,
            transaction_id=request.transaction_id,
            out_order_no=request.unfreeze_no,
            description=request.description[: translate.LONGEST_DESCRIPTION],
        )
        answer = await self._ask("POST", self._unfreeze_path, kind=words.SplitAnswer, body=body)
        if isinstance(answer, SplitRefused):
            ended = answer.code == NOTHING_LEFT and answer.reason is Reason.ENDED
            return Ended(None) if ended else answer
        if isinstance(answer, Unknown):
            return answer
        if (answer.out_order_no, answer.transaction_id) != (request.unfreeze_no, request.transaction_id):
            return Unknown("the answer is about another unfreeze")
        return Ended(answer.order_id)

    async def give_back(self, request: ReturnRequest) -> ChannelReturn | SplitRefused | Unknown:
        """Take money of a split back; accepted is not done."""
        body = words.Return(
            sub_mchid=self._sub_mchid,
            out_order_no=request.split_no,
            out_return_no=request.return_no,
            return_mchid=request.merchant_no,
            amount=request.amount_fen,
            description=request.description[: translate.LONGEST_DESCRIPTION],
        )
        answer = await self._ask("POST", self._returns_path, kind=words.ReturnAnswer, body=body)
        return self._read_return(answer, number=request.return_no)

    async def look_up_return(
        self, return_no: str, *, split_no: str
    ) -> ChannelReturn | SplitRefused | Unknown:
        """Ask what became of a return number."""
        target = self._look_up_return_target(return_no, split_no=split_no)
        return self._read_return(await self._ask("GET", target, kind=words.ReturnAnswer), number=return_no)

    async def unsplit_amount(self, transaction_id: str) -> Fen | SplitRefused | Unknown:
        """What is left of a payment to split or unfreeze."""
        answer = await self._ask("GET", self._amounts_target(transaction_id), kind=words.Amounts)
        if not isinstance(answer, words.Amounts):
            return answer
        if answer.transaction_id != transaction_id:
            return Unknown("the answer is about another payment")
        return Fen(answer.unsplit_amount)

    async def largest_rate(self) -> Bps | SplitRefused | Unknown:
        """The largest share that may be split: told to service providers only."""
        target = self._ratio_target
        if target is None:
            return translate.not_offered("the largest rate")
        answer = await self._ask("GET", target, kind=words.Ratio)
        return Bps(answer.max_ratio) if isinstance(answer, words.Ratio) else answer

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        kind: type[Kind],
        body: msgspec.Struct | None = None,
        serial: str | None = None,
    ) -> Kind | SplitRefused | Unknown:
        raw = b"" if body is None else msgspec.json.encode(body)
        answer = await self._transport.call(method, self.base + path, body=raw, serial=serial, splitting=True)
        if isinstance(answer, Refused):
            return translate.refused(answer)
        if not isinstance(answer, Done):
            return answer
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.MsgspecError:
            return Unknown("the answer cannot be understood")

    def _read_split(
        self, answer: words.SplitAnswer | SplitRefused | Unknown, *, number: str, transaction_id: str
    ) -> ChannelSplit | SplitRefused | Unknown:
        if not isinstance(answer, words.SplitAnswer):
            return answer
        if (answer.out_order_no, answer.transaction_id) != (number, transaction_id):
            return Unknown("the answer is about another split")
        return told(lambda: translate.split(answer, with_parts=not number.startswith(UNFREEZE_PREFIX)))

    def _read_return(
        self, answer: words.ReturnAnswer | SplitRefused | Unknown, *, number: str
    ) -> ChannelReturn | SplitRefused | Unknown:
        if not isinstance(answer, words.ReturnAnswer):
            return answer
        if answer.out_return_no != number:
            return Unknown("the answer is about another return")
        return told(lambda: translate.give_back(answer))

    @property
    def _sub_mchid(self) -> str | UnsetType:
        return self._credentials.sub.mchid if self._credentials.sub else UNSET

    @property
    def _apps(self) -> dict[str, Any]:
        sub = self._credentials.sub
        return {"appid": self._credentials.appid, "sub_appid": (sub.appid if sub else None) or UNSET}

    def _type(self, kind: ReceiverKind) -> str:
        if kind is ReceiverKind.MERCHANT:
            return translate.MERCHANT
        sub = self._credentials.sub
        return translate.SUB_OPENID if sub is not None and sub.appid else translate.OPENID

    def _sealing_serial(self) -> str:
        return self._credentials.sealing_key(self._transport.now()).serial

    def _sealed(self, name: str | None) -> str | UnsetType:
        return self._credentials.seal(name, now=self._transport.now()) if name else UNSET

    def _parts(self, parts: list[SplitPart]) -> list[words.Part]:
        return [
            words.Part(
                type=self._type(part.kind),
                account=part.account,
                name=self._sealed(part.name),
                amount=part.amount_fen,
                description=part.description[: translate.LONGEST_DESCRIPTION],
            )
            for part in parts
        ]

    def _add_body(self, receiver: Receiver) -> tuple[msgspec.Struct, str | None]:
        relation = translate.RELATIONS.get(receiver.relation, translate.CUSTOM)
        word = receiver.relation_word or ("平台" if receiver.relation is Relation.PLATFORM else "其他")
        body = words.AddReceiver(
            sub_mchid=self._sub_mchid,
            type=self._type(receiver.kind),
            account=receiver.account,
            name=self._sealed(receiver.name),
            relation_type=relation,
            custom_relation=word[: translate.LONGEST_RELATION] if relation == translate.CUSTOM else UNSET,
            **self._apps,
        )
        return body, self._sealing_serial() if receiver.name else None

    def _delete_body(self, receiver: Receiver) -> msgspec.Struct:
        return words.DeleteReceiver(
            sub_mchid=self._sub_mchid,
            type=self._type(receiver.kind),
            account=receiver.account,
            **self._apps,
        )

    def _split_body(self, request: SplitRequest) -> msgspec.Struct:
        return words.Split(
            sub_mchid=self._sub_mchid,
            transaction_id=request.transaction_id,
            out_order_no=request.split_no,
            receivers=self._parts(request.parts),
            unfreeze_unsplit=request.finish,
            **self._apps,
        )

    @property
    def _and_sub(self) -> str:
        return f"&sub_mchid={self._credentials.sub.mchid}" if self._credentials.sub else ""

    def _look_up_target(self, number: str, *, transaction_id: str) -> str:
        return f"/orders/{quoted(number)}?transaction_id={quoted(transaction_id)}{self._and_sub}"

    @property
    def _unfreeze_path(self) -> str:
        return "/orders/unfreeze"

    @property
    def _returns_path(self) -> str:
        return "/return-orders"

    def _look_up_return_target(self, number: str, *, split_no: str) -> str:
        return f"/return-orders/{quoted(number)}?out_order_no={quoted(split_no)}{self._and_sub}"

    def _amounts_target(self, transaction_id: str) -> str:
        return f"/transactions/{quoted(transaction_id)}/amounts"

    @property
    def _ratio_target(self) -> str | None:
        sub = self._credentials.sub
        return f"/merchant-configs/{sub.mchid}" if sub else None


def quoted(text: str) -> str:
    """A number as a part of an address."""
    return quote(text, safe="")
