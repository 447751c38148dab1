"""The WeChat Pay v3 client of one merchant, or of a service provider for one sub-merchant: `orders.ports.PaymentChannel`, and the rest.

Splitting, bills, guides' cards and WeChat's own certificates hang on it, because they share its keys and its pace; each has its own
module.
"""

import secrets
from collections.abc import Callable
from datetime import datetime

import httpx

from orders.ports import (
    AlreadyPaid,
    ChannelPayment,
    ChannelRefund,
    Closed,
    PaymentRequest,
    PayParameters,
    Prepared,
    RefundRequest,
    Refused,
    Unknown,
)
from settlement.ports import SplittingChannel
from storefront.adapters.pacing import Pace
from storefront.adapters.wechat_pay.bills import Bills
from storefront.adapters.wechat_pay.brand_sharing import BrandSharing
from storefront.adapters.wechat_pay.certificates import Certificates
from storefront.adapters.wechat_pay.guides import GuideCards
from storefront.adapters.wechat_pay.keys import MerchantCredentials, TrustedKey
from storefront.adapters.wechat_pay.payments import Payments
from storefront.adapters.wechat_pay.refunds import Refunds
from storefront.adapters.wechat_pay.sharing import Sharing
from storefront.adapters.wechat_pay.transport import (
    ATTEMPT_SECONDS,
    ATTEMPTS,
    TOTAL_SECONDS,
    Learn,
    Transport,
)


class WechatPayChannel:
    """One merchant's account. `now` must agree with the real clock: WeChat refuses signatures more than five minutes off."""

    def __init__(
        self,
        credentials: MerchantCredentials,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        now: Callable[[], datetime],
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        attempts: int = ATTEMPTS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        pace: Pace | None = None,
        learn: Learn | None = None,
    ) -> None:
        self._credentials = credentials
        transport = Transport(
            credentials,
            http,
            base_url=base_url,
            now=now,
            nonce=nonce,
            attempts=attempts,
            attempt_seconds=attempt_seconds,
            total_seconds=total_seconds,
            pace=pace,
            learn=learn,
        )
        self._payments = Payments(transport)
        self._refunds = Refunds(transport)
        in_a_chain = credentials.sub is not None and credentials.sub.brand_mchid is not None
        self.splitting: SplittingChannel = BrandSharing(transport) if in_a_chain else Sharing(transport)
        self.bills = Bills(transport)
        self.guides = GuideCards(transport)
        self.certificates = Certificates(transport)

    def __repr__(self) -> str:
        return f"WechatPayChannel({self._credentials!r})"

    def trusted_keys(self) -> list[TrustedKey]:
        """WeChat's keys that this account trusts, with the ends of those that end."""
        return self._credentials.trusted()

    async def prepare(self, request: PaymentRequest) -> Prepared | Refused | Unknown:
        """Ask for a prepay session and sign the five fields of wx.requestPayment."""
        return await self._payments.prepare(request)

    def pay_parameters(self, prepay_id: str) -> PayParameters:
        """Sign a prepay session for the front end."""
        return self._payments.pay_parameters(prepay_id)

    async def look_up(self, payment_no: str) -> ChannelPayment | Refused | Unknown:
        """Ask what became of a payment number."""
        return await self._payments.look_up(payment_no)

    async def close(self, payment_no: str) -> Closed | AlreadyPaid | Refused | Unknown:
        """Close the number; whenever the answer leaves doubt, the query decides."""
        return await self._payments.close(payment_no)

    async def refund(self, request: RefundRequest) -> ChannelRefund | Refused | Unknown:
        """Ask for a refund; PENDING is the usual answer, the money goes back later."""
        return await self._refunds.refund(request)

    async def look_up_refund(self, refund_no: str) -> ChannelRefund | Refused | Unknown:
        """Ask what became of a refund number."""
        return await self._refunds.look_up_refund(refund_no)
