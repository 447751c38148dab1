"""Refunds at WeChat Pay: acceptance is not success, and the same number refunds once."""

from urllib.parse import quote

import msgspec

from orders.ports import ChannelRefund, Meaning, RefundRequest, Refused, Unknown
from storefront.adapters.wechat_pay import messages, translate
from storefront.adapters.wechat_pay.transport import Transport, told

REFUNDS = "/v3/refund/domestic/refunds"
MEANINGS = {
    "RULE_LIMIT": Meaning.UNFREEZE_FIRST,
    "NOT_ENOUGH": Meaning.BALANCE_SHORT,
    "FREQUENCY_LIMITED": Meaning.TOO_OFTEN,
    "RATELIMIT_EXCEED": Meaning.TOO_OFTEN,
}
NOT_FOUND = "RESOURCE_NOT_EXISTS"


class Refunds:
    """Asks for refunds and looks them up."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._credentials = transport.credentials

    async def refund(self, request: RefundRequest) -> ChannelRefund | Refused | Unknown:
        """Ask for a refund; PENDING is the usual answer, the money goes back later."""
        body = msgspec.json.encode(translate.refund_order(request, self._credentials))
        answer = await self._transport.ask("POST", REFUNDS, body=body, kind=messages.Refund)
        if isinstance(answer, Refused):
            return msgspec.structs.replace(answer, meaning=MEANINGS.get(answer.code, Meaning.FINAL))
        return self._read(answer, refund_no=request.refund_no)

    async def look_up_refund(self, refund_no: str) -> ChannelRefund | Refused | Unknown:
        """Ask what became of a refund number."""
        sub = self._credentials.sub
        path = f"{REFUNDS}/{quote(refund_no, safe='')}" + (f"?sub_mchid={sub.mchid}" if sub else "")
        answer = await self._transport.ask("GET", path, kind=messages.Refund)
        if isinstance(answer, Refused) and answer.code == NOT_FOUND:
            return msgspec.structs.replace(answer, meaning=Meaning.NOT_KNOWN)
        return self._read(answer, refund_no=refund_no)

    def _read(
        self, answer: messages.Refund | Refused | Unknown, *, refund_no: str
    ) -> ChannelRefund | Refused | Unknown:
        if not isinstance(answer, messages.Refund):
            return answer
        if answer.out_refund_no != refund_no:
            return Unknown("the answer is about another refund")
        return told(lambda: translate.refund(answer, merchant_no=self._credentials.payee))
