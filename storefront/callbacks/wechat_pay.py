"""WeChat Pay's callbacks: verified over the raw bytes with the keys of the tenant that the address names, kept once, answered at once.

What they say is acted on by the worker, from the kept message. Every answer is in WeChat's own form, whatever went wrong.
"""

from datetime import datetime
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.params import FromPath

from orders.events import CallbackReceived
from orders.payments import record_payment
from orders.ports import ChannelPayment, ChannelRefund
from orders.refund_outcome import record_refund
from storefront.adapters.errors import CallbackTooLarge, CallbackUnverified
from storefront.adapters.wechat_pay.notify import LARGEST_BODY, failure_answer, read_callback
from storefront.auth import Joined, Now, signed
from storefront.callbacks.keeping import called_tenant, keep_once, kept_message
from storefront.channels import CALLBACK_PATH, WechatPayChannels
from storefront.errors import BodyTooLarge, RouteNotFound
from storefront.frame import as_refusal, status_of
from storefront.observability import report_failure
from storefront.wiring import Wiring
from tenants.errors import MerchantNotReady
from tenants.kernel.errors import Broken
from tenants.kernel.scope import TenantScope

SOURCE = "wechat-pay"
TAKEN, UNVERIFIED, TOO_LARGE = 204, 401, 413
HEADERS = (
    "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature", "wechatpay-signature-type",
)  # fmt: skip


class KeptCallback(msgspec.Struct, frozen=True):
    """A callback as it came: enough to verify it again, as of the moment it arrived."""

    headers: dict[str, str]
    body: bytes
    received_at: datetime


def answer_in_their_words(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Any refusal as WeChat's FAIL body."""
    refusal = as_refusal(error)
    if isinstance(refusal, Broken):
        report_failure("callback_broken", error)
    if isinstance(refusal, BodyTooLarge):
        refusal = CallbackTooLarge()
    request.scope["state"]["code"] = refusal.code()
    status = UNVERIFIED if isinstance(refusal, CallbackUnverified) else status_of(type(refusal))
    status = TOO_LARGE if isinstance(refusal, CallbackTooLarge) else status
    return Response(failure_answer(refusal), status_code=status, media_type=MediaType.JSON)


TAKING: dict[str, Any] = {
    "tags": ["callbacks"],
    "guards": [signed],
    "status_code": TAKEN,
    "opt": {"framed": False},
    "exception_handlers": {Exception: answer_in_their_words},
    "request_max_body_size": LARGEST_BODY + 1,
}


@post(f"{CALLBACK_PATH}/{{callback_key:str}}", operation_id="receiveWechatPay", **TAKING)
async def receive_wechat_pay(
    request: Request[Any, Any, Any], wiring: Joined, now: Now, callback_key: FromPath[str]
) -> Response[None]:
    """Take a notification for the brand's default merchant."""
    return await _keep(wiring, callback_key, request=request, merchant_no=None, now=now)


@post(
    f"{CALLBACK_PATH}/{{callback_key:str}}/{{merchant_no:str}}",
    operation_id="receiveMerchantsWechatPay",
    **TAKING,
)
async def receive_merchants_wechat_pay(
    request: Request[Any, Any, Any],
    wiring: Joined,
    now: Now,
    callback_key: FromPath[str],
    merchant_no: FromPath[str],
) -> Response[None]:
    """Take a notification for one of the brand's merchants."""
    return await _keep(wiring, callback_key, request=request, merchant_no=merchant_no, now=now)


async def act_on_callback(
    tenant: TenantScope, fact: CallbackReceived, *, channels: WechatPayChannels, now: datetime
) -> None:
    """Do what a kept notification says; it is verified again, as of the moment it arrived."""
    raw = await kept_message(tenant, source=fact.source, external_id=fact.external_id)
    kept = msgspec.json.decode(raw, type=KeptCallback)
    merchant_no = fact.source.partition(":")[2]
    credentials = await channels.credentials(tenant, merchant_no=merchant_no)
    told = read_callback(kept.headers, kept.body, credentials=credentials, now=kept.received_at).told
    async with tenant.writing() as db:
        if isinstance(told, ChannelPayment):
            await record_payment(db, told, now=now)
        elif isinstance(told, ChannelRefund):
            await record_refund(db, told, now=now)
        # A split's notification is a receiver's wake-up: whoever split asks the channel what became of it.


async def _keep(
    wiring: Wiring,
    callback_key: str,
    *,
    request: Request[Any, Any, Any],
    merchant_no: str | None,
    now: datetime,
) -> Response[None]:
    tenant = await called_tenant(wiring, callback_key)
    try:
        credentials = await wiring.channels.credentials(tenant, merchant_no=merchant_no)
    except MerchantNotReady as error:
        raise RouteNotFound from error
    body = await request.body()
    headers = {name: request.headers[name] for name in HEADERS if name in request.headers}
    notification = read_callback(headers, body, credentials=credentials, now=now)
    named = {"source": f"{SOURCE}:{credentials.payee}", "external_id": notification.id}
    await keep_once(
        tenant, KeptCallback(headers, body, now), fact=CallbackReceived(**named), now=now, **named
    )
    return Response(None, status_code=TAKEN)


ROUTES = [receive_wechat_pay, receive_merchants_wechat_pay]
