"""WeChat Pay's messages into the structs of `orders.ports`, and requests the other way. Pure.

A state word we do not know means "not finished": treating it as failed would let a caller charge or refund twice.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from msgspec import UNSET

from orders.ports import (
    ChannelPayment,
    ChannelRefund,
    CouponParts,
    PaymentRequest,
    PaymentState,
    RefundRequest,
    RefundState,
)
from storefront.adapters.wechat_pay import messages
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from tenants.kernel.money import Fen

BEIJING = timezone(timedelta(hours=8))
LONGEST_DESCRIPTION = 127
LONGEST_REASON = 80
LONGEST_STORE_NAME = 256
NO_CLIENT_ADDRESS = "127.0.0.1"
"""payer_client_ip must be present; the shopper's own address is personal and proves nothing here."""

_PAYMENT_STATES = {
    "SUCCESS": PaymentState.PAID,
    "REFUND": PaymentState.REFUNDED,
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}
_REFUND_STATES = {
    "SUCCESS": RefundState.DONE,
    "ABNORMAL": RefundState.ABNORMAL,
    "CLOSED": RefundState.CLOSED,
}


def prepay(
    request: PaymentRequest, credentials: MerchantCredentials
) -> messages.Prepay | messages.PartnerPrepay:
    """Word a payment request. The same request always gives the same body: a repeat with another one is an error at WeChat."""
    # 32 hex digits: with hyphens the store's id would be four characters too long.
    store = messages.SceneStore(request.store_id.hex, request.store_name[:LONGEST_STORE_NAME])
    facts: dict[str, Any] = {
        "description": request.description[:LONGEST_DESCRIPTION],
        "out_trade_no": request.payment_no,
        "time_expire": request.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
        "notify_url": credentials.notify_url,
        "amount": messages.PrepayAmount(total=request.total_fen),
        "scene": messages.Scene(payer_client_ip=NO_CLIENT_ADDRESS, store=store),
        "settle": messages.Settle(request.profit_sharing),
    }
    sub = credentials.sub
    if sub is None:
        payer = messages.Payer(request.openid)
        return messages.Prepay(appid=credentials.appid, mchid=credentials.mchid, payer=payer, **facts)
    known_to = {"sub_openid" if sub.appid else "sp_openid": request.openid}
    return messages.PartnerPrepay(
        sp_appid=credentials.appid,
        sp_mchid=credentials.mchid,
        sub_appid=sub.appid or UNSET,
        sub_mchid=sub.mchid,
        payer=messages.PartnerPayer(**known_to),
        **facts,
    )


def close(credentials: MerchantCredentials) -> messages.Close | messages.PartnerClose:
    """Word who closes a payment."""
    if credentials.sub is None:
        return messages.Close(mchid=credentials.mchid)
    return messages.PartnerClose(sp_mchid=credentials.mchid, sub_mchid=credentials.sub.mchid)


def refund_order(request: RefundRequest, credentials: MerchantCredentials) -> messages.RefundOrder:
    """Word a refund request."""
    return messages.RefundOrder(
        sub_mchid=credentials.sub.mchid if credentials.sub else UNSET,
        out_trade_no=request.payment_no,
        out_refund_no=request.refund_no,
        reason=request.reason[:LONGEST_REASON] or UNSET,
        notify_url=credentials.notify_url,
        amount=messages.RefundAsked(refund=request.refund_fen, total=request.total_fen),
    )


def payment(transaction: messages.Transaction) -> ChannelPayment:
    """Read a payment; raises ValueError for a time that is none, or without its parties."""
    merchant_no = transaction.sub_mchid or transaction.mchid
    # The appid that owns the openid given: the sub-merchant's where it was used at prepay.
    payer = transaction.payer or messages.TransactionPayer()
    by_provider = bool(payer.sp_openid) and not payer.sub_openid
    appid = transaction.appid or (None if by_provider else transaction.sub_appid) or transaction.sp_appid
    if not merchant_no or not appid:
        raise ValueError("a payment without its merchant or mini-program")
    amount = transaction.amount or messages.TransactionAmount()
    return ChannelPayment(
        payment_no=transaction.out_trade_no,
        state=_PAYMENT_STATES.get(transaction.trade_state, PaymentState.OPEN),
        merchant_no=merchant_no,
        appid=appid,
        transaction_id=transaction.transaction_id or None,
        total_fen=_fen(amount.total),
        payer_total_fen=_fen(amount.payer_total),
        currency=amount.currency,
        paid_at=moment(transaction.success_time),
        openid=payer.sub_openid or payer.openid or payer.sp_openid or None,
        coupons=_coupons(transaction.promotions or []),
    )


def _coupons(promotions: list[messages.Promotion]) -> CouponParts | None:
    """Who paid for the coupons, None where none were used; what the channel says of nobody is nobody's, what never arrives the merchant's."""
    if not promotions:
        return None
    unsaid = sum(_unsaid(each) for each in promotions if each.type == "NOCASH")
    return CouponParts(
        wechatpay_fen=Fen(sum(each.wechatpay_contribute or 0 for each in promotions)),
        merchant_fen=Fen(sum(each.merchant_contribute or 0 for each in promotions) + unsaid),
        other_fen=Fen(sum(each.other_contribute or 0 for each in promotions)),
        nocash_fen=Fen(sum(each.amount for each in promotions if each.type == "NOCASH")),
    )


def _unsaid(coupon: messages.Promotion) -> int:
    """What nobody is said to have paid of a coupon."""
    said = (coupon.wechatpay_contribute, coupon.merchant_contribute, coupon.other_contribute)
    return max(coupon.amount - sum(each or 0 for each in said), 0)


def refund(answer: messages.Refund, *, merchant_no: str) -> ChannelRefund:
    """Read a refund from an answer; raises ValueError for a time that is none."""
    return _refund(answer, state=answer.status, merchant_no=merchant_no)


def refund_notice(notice: messages.RefundNotice) -> ChannelRefund:
    """Read a refund from a callback; raises ValueError for a time that is none."""
    merchant_no = notice.sub_mchid or notice.mchid
    if not merchant_no:
        raise ValueError("a refund without its merchant")
    return _refund(notice, state=notice.refund_status, merchant_no=merchant_no)


def _refund(
    vendor: messages.Refund | messages.RefundNotice, *, state: str, merchant_no: str
) -> ChannelRefund:
    amount = vendor.amount or messages.RefundAmount()
    return ChannelRefund(
        refund_no=vendor.out_refund_no,
        payment_no=vendor.out_trade_no,
        state=_REFUND_STATES.get(state, RefundState.PENDING),
        refund_id=vendor.refund_id or None,
        refund_fen=_fen(amount.refund),
        payer_refund_fen=_fen(amount.payer_refund),
        refunded_at=moment(vendor.success_time),
        merchant_no=merchant_no,
    )


def _fen(amount: int | None) -> Fen | None:
    return None if amount is None else Fen(amount)


def moment(text: str | None) -> datetime | None:
    """Read a time; raises ValueError for one that is none, or without its zone."""
    if not text:
        return None
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("a time without its zone")
    return read.astimezone(UTC)
