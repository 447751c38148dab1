"""Payments at WeChat Pay, as a direct merchant or as a service provider for its sub-merchant: prepay, query, close.

The two modes differ in paths and in how the parties are named; what a caller sees is the same.
"""

from urllib.parse import quote

import msgspec

from orders.ports import (
    AlreadyPaid,
    ChannelPayment,
    Closed,
    PaymentRequest,
    PaymentState,
    PayParameters,
    Prepared,
    Refused,
    Unknown,
)
from storefront.adapters.wechat_pay import messages, translate
from storefront.adapters.wechat_pay.transport import Done, Transport, told

DIRECT, PARTNER = "/v3/pay/transactions", "/v3/pay/partner/transactions"
PAID_ALREADY = "ORDERPAID"


class Payments:
    """Asks for payments, looks them up, closes them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._credentials = transport.credentials
        self._base = PARTNER if self._credentials.sub else DIRECT

    async def prepare(self, request: PaymentRequest) -> Prepared | Refused | Unknown:
        """Ask for a prepay session and sign the five fields of wx.requestPayment."""
        body = msgspec.json.encode(translate.prepay(request, self._credentials))
        answer = await self._transport.ask(
            "POST", f"{self._base}/jsapi", body=body, kind=messages.PrepayAnswer
        )
        if not isinstance(answer, messages.PrepayAnswer):
            return answer
        return Prepared(answer.prepay_id, self.pay_parameters(answer.prepay_id))

    def pay_parameters(self, prepay_id: str) -> PayParameters:
        """Sign a prepay session for the front end; the appid is the one that owns the shopper's openid."""
        timestamp, nonce, package = (
            self._transport.timestamp(),
            self._transport.nonce(),
            f"prepay_id={prepay_id}",
        )
        message = f"{self._credentials.payer_appid}\n{timestamp}\n{nonce}\n{package}\n"
        return PayParameters(
            time_stamp=timestamp,
            nonce_str=nonce,
            package=package,
            sign_type="RSA",
            pay_sign=self._credentials.sign(message.encode()),
        )

    async def look_up(self, payment_no: str) -> ChannelPayment | Refused | Unknown:
        """Ask what became of a payment number."""
        answer = await self._transport.ask(
            "GET", f"{self._path(payment_no)}?{self._named()}", kind=messages.Transaction
        )
        if not isinstance(answer, messages.Transaction):
            return answer
        seen = told(lambda: translate.payment(answer))
        if isinstance(seen, ChannelPayment) and (seen.payment_no, seen.merchant_no) != (
            payment_no,
            self._credentials.payee,
        ):
            # Signed or not, an answer about another payment must not settle this one.
            return Unknown("the answer is about another payment")
        return seen

    async def close(self, payment_no: str) -> Closed | AlreadyPaid | Refused | Unknown:
        """Close the number; whenever the answer leaves doubt, the query decides."""
        body = msgspec.json.encode(translate.close(self._credentials))
        answer = await self._transport.call("POST", f"{self._path(payment_no)}/close", body=body)
        if isinstance(answer, Done):
            return Closed()
        if isinstance(answer, Refused) and answer.code == PAID_ALREADY:
            return AlreadyPaid()
        seen = await self.look_up(payment_no)
        if isinstance(seen, ChannelPayment):
            if seen.state is PaymentState.CLOSED:
                return Closed()
            if seen.state in {PaymentState.PAID, PaymentState.REFUNDED}:
                return AlreadyPaid()
        return answer

    def _path(self, payment_no: str) -> str:
        return f"{self._base}/out-trade-no/{quote(payment_no, safe='')}"

    def _named(self) -> str:
        sub = self._credentials.sub
        if sub is None:
            return f"mchid={self._credentials.mchid}"
        return f"sp_mchid={self._credentials.mchid}&sub_mchid={sub.mchid}"
