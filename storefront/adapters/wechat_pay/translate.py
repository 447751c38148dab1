"""WeChat Pay's messages into the structs of `orders.ports`, and requests the other way. Pure.

A state word we do not know means "not finished": treating it as failed would let a caller charge or refund twice.
"""

from datetime import UTC, datetime, timedelta, timezone

from msgspec import UNSET

from orders.ports import (
    ChannelPayment,
    ChannelRefund,
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


def prepay(request: PaymentRequest, credentials: MerchantCredentials) -> messages.Prepay:
    """Word a payment request. The same request always gives the same body: a repeat with another one is an error at WeChat."""
    return messages.Prepay(
        appid=credentials.appid,
        mchid=credentials.mchid,
        description=request.description[:LONGEST_DESCRIPTION],
        out_trade_no=request.payment_no,
        time_expire=request.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
        notify_url=credentials.notify_url,
        amount=messages.PrepayAmount(total=request.total_fen),
        payer=messages.Payer(request.openid),
        scene=messages.Scene(
            payer_client_ip=NO_CLIENT_ADDRESS,
            # 32 hex digits: with hyphens the id would be four characters too long.
            store=messages.SceneStore(request.store_id.hex, request.store_name[:LONGEST_STORE_NAME]),
        ),
        settle=messages.Settle(request.profit_sharing),
    )


def refund_order(request: RefundRequest, credentials: MerchantCredentials) -> messages.RefundOrder:
    """Word a refund request."""
    return messages.RefundOrder(
        out_trade_no=request.payment_no,
        out_refund_no=request.refund_no,
        reason=request.reason[:LONGEST_REASON] or UNSET,
        notify_url=credentials.notify_url,
        amount=messages.RefundAsked(refund=request.refund_fen, total=request.total_fen),
    )


def payment(transaction: messages.Transaction) -> ChannelPayment:
    """Read a payment; raises ValueError for a time that is none."""
    amount = transaction.amount or messages.TransactionAmount()
    return ChannelPayment(
        payment_no=transaction.out_trade_no,
        state=_PAYMENT_STATES.get(transaction.trade_state, PaymentState.OPEN),
        merchant_no=transaction.mchid,
        appid=transaction.appid,
        transaction_id=transaction.transaction_id or None,
        total_fen=_fen(amount.total),
        payer_total_fen=_fen(amount.payer_total),
        currency=amount.currency,
        paid_at=_moment(transaction.success_time),
        openid=transaction.payer.openid or None if transaction.payer else None,
    )


def refund(answer: messages.Refund, *, merchant_no: str) -> ChannelRefund:
    """Read a refund from an answer; raises ValueError for a time that is none."""
    return _refund(answer, state=answer.status, merchant_no=merchant_no)


def refund_notice(notice: messages.RefundNotice) -> ChannelRefund:
    """Read a refund from a callback; raises ValueError for a time that is none."""
    return _refund(notice, state=notice.refund_status, merchant_no=notice.mchid)


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
        refunded_at=_moment(vendor.success_time),
        merchant_no=merchant_no,
    )


def _fen(amount: int | None) -> Fen | None:
    return None if amount is None else Fen(amount)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)
