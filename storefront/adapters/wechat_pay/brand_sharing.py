"""Chain-brand profit sharing (`/v3/brand/profitsharing`): the same port for a service provider's chain, under the product's other names.

Receivers belong to the brand, the brand itself is one without being added, and names of receivers are sent as they are.
"""

import msgspec
from msgspec import UNSET

from orders.ports import Unknown
from settlement.ports import Added, Deleted, Receiver, ReceiverKind, SplitRefused, SplitRequest
from storefront.adapters.wechat_pay import sharing_messages as words
from storefront.adapters.wechat_pay import translate_sharing as translate
from storefront.adapters.wechat_pay.keys import SubMerchant
from storefront.adapters.wechat_pay.sharing import Sharing, quoted


class BrandSharing(Sharing):
    """Splits the payments of one payee of a chain."""

    base = "/v3/brand/profitsharing"

    @property
    def _sub(self) -> SubMerchant:
        sub = self._credentials.sub
        if sub is None:
            raise LookupError("chain-brand splitting is a service provider's")
        return sub

    @property
    def _brand(self) -> str:
        return self._sub.brand_mchid or self._sub.mchid

    async def add_receiver(self, receiver: Receiver) -> Added | SplitRefused | Unknown:
        """Allow splitting to a receiver; to the brand it always is."""
        return Added() if self._is_brand(receiver) else await super().add_receiver(receiver)

    async def delete_receiver(self, receiver: Receiver) -> Deleted | SplitRefused | Unknown:
        """Stop splitting to a receiver; WeChat has nothing to forget of the brand."""
        return Deleted() if self._is_brand(receiver) else await super().delete_receiver(receiver)

    def _is_brand(self, receiver: Receiver) -> bool:
        return receiver.kind is ReceiverKind.MERCHANT and receiver.account == self._brand

    def _add_body(self, receiver: Receiver) -> tuple[msgspec.Struct, str | None]:
        body = words.AddBrandReceiver(
            brand_mchid=self._brand,
            type=self._type(receiver.kind),
            account=receiver.account,
            name=receiver.name or UNSET,
            relation_type=translate.BRAND_RELATIONS.get(receiver.relation, "OTHERS"),
            **self._apps,
        )
        return body, None

    def _delete_body(self, receiver: Receiver) -> msgspec.Struct:
        return words.DeleteReceiver(
            brand_mchid=self._brand, type=self._type(receiver.kind), account=receiver.account, **self._apps
        )

    def _split_body(self, request: SplitRequest) -> msgspec.Struct:
        return words.BrandSplit(
            brand_mchid=self._brand,
            sub_mchid=self._sub.mchid,
            transaction_id=request.transaction_id,
            out_order_no=request.split_no,
            receivers=self._parts(request.parts),
            finish=request.finish,
            **self._apps,
        )

    def _look_up_target(self, number: str, *, transaction_id: str) -> str:
        named = f"sub_mchid={self._sub.mchid}&transaction_id={quoted(transaction_id)}"
        return f"/orders?{named}&out_order_no={quoted(number)}"

    @property
    def _unfreeze_path(self) -> str:
        return "/finish-order"

    @property
    def _returns_path(self) -> str:
        return "/returnorders"

    def _look_up_return_target(self, number: str, *, split_no: str) -> str:
        named = f"sub_mchid={self._sub.mchid}&out_order_no={quoted(split_no)}"
        return f"/returnorders?{named}&out_return_no={quoted(number)}"

    def _amounts_target(self, transaction_id: str) -> str:
        return f"/orders/{quoted(transaction_id)}/amounts"

    @property
    def _ratio_target(self) -> str | None:
        return f"/brand-configs/{self._brand}"
