"""What the control API and the page show of the books: camelCase, fen, times with a zone."""

import msgspec

from storefront.simulators.records import Callback, Merchant, Payment, Refund, Split, SplitReturn
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import splits
from storefront.simulators.wechat_pay.flows import conservation


def books(simulation: Simulation) -> dict[str, object]:
    """Everything that moved money."""
    state = simulation.state
    return {
        "now": simulation.clock.now(),
        "merchants": [merchant_view(each, simulation) for each in state.merchants.values()],
        "payments": [payment_view(each) for each in state.payments.values()],
        "refunds": [refund_view(simulation, each) for each in state.refunds.values()],
        "receivers": [
            {"owner": each.owner, "type": each.type, "account": each.account}
            for each in state.receivers.values()
        ],
        "splits": [split_view(simulation, each) for each in state.splits.values()],
        "returns": [return_view(simulation, each) for each in state.returns.values()],
        "guides": [
            {
                "guideId": each.guide_id,
                "mchid": each.mchid,
                "subMchid": each.sub_mchid,
                "storeId": each.store_id,
                "userid": each.userid,
                "name": each.name,
                "mobile": each.mobile,
                "qrCode": each.qr_code,
                "avatar": each.avatar,
            }
            for each in state.guides.values()
        ],
        "assignments": msgspec.to_builtins(state.assignments),
        "messages": msgspec.to_builtins(state.messages),
        "personsReceived": state.persons_received,
        "conservation": conservation(simulation),
    }


def merchant_view(merchant: Merchant, simulation: Simulation) -> dict[str, object]:
    """A merchant and its money."""
    own = [each for each in simulation.state.payments.values() if each.payee == merchant.mchid]
    return {
        "mchid": merchant.mchid,
        "legalName": merchant.legal_name,
        "provider": merchant.provider,
        "brand": merchant.brand,
        "appids": merchant.appids,
        "availableFen": merchant.available,
        "frozenFen": sum(each.held for each in own if each.profit_sharing),
        "unsettledFen": sum(each.held for each in own if not each.profit_sharing),
        "inSplitsFen": sum(each.pending for each in own),
        "feeFen": sum(each.fee for each in own),
        "withdrawnFen": merchant.withdrawn,
        "depositedFen": merchant.deposited,
    }


def payment_view(payment: Payment) -> dict[str, object]:
    """A payment."""
    return {
        "mchid": payment.mchid,
        "subMchid": payment.sub_mchid,
        "appid": payment.appid,
        "outTradeNo": payment.out_trade_no,
        "description": payment.description,
        "transactionId": payment.transaction_id,
        "tradeState": payment.state,
        "totalFen": payment.total,
        "payerTotalFen": payment.payer_total,
        "refundedFen": payment.refunded,
        "feeFen": payment.fee,
        "heldFen": payment.held,
        "splitFen": payment.split,
        "inSplitsFen": payment.pending,
        "profitSharing": payment.profit_sharing,
        "settled": payment.settled,
        "refusals": payment.refusals,
        "storeId": payment.store_id,
        "openid": payment.openid,
        "paidAt": payment.paid_at,
        "confirmedAt": payment.confirmed_at,
        "expiresAt": payment.expires_at,
    }


def refund_view(simulation: Simulation, refund: Refund) -> dict[str, object]:
    """A refund."""
    return {
        "mchid": refund.mchid,
        "outRefundNo": refund.out_refund_no,
        "outTradeNo": simulation.state.payments[refund.payment].out_trade_no,
        "refundId": refund.refund_id,
        "amountFen": refund.amount,
        "payerRefundFen": refund.payer_refund,
        "feeBackFen": refund.fee_back,
        "fromHeld": refund.from_held,
        "status": refund.status,
        "createdAt": refund.created_at,
        "successAt": refund.success_at,
    }


def split_view(simulation: Simulation, split: Split) -> dict[str, object]:
    """A split or an unfreeze."""
    return {
        "mchid": split.mchid,
        "outOrderNo": split.out_order_no,
        "orderId": split.order_id,
        "outTradeNo": simulation.state.payments[split.payment].out_trade_no,
        "brand": split.brand,
        "state": split.state,
        "unfreezes": split.unfreezes,
        "unfrozenFen": split.unfrozen,
        "receivers": [splits.detail_body(each) | {"returned": each.returned} for each in split.details],
        "createdAt": split.created_at,
    }


def return_view(simulation: Simulation, found: SplitReturn) -> dict[str, object]:
    """A return."""
    return {
        "mchid": found.mchid,
        "outReturnNo": found.out_return_no,
        "outOrderNo": simulation.state.splits[found.split].out_order_no,
        "returnMchid": found.return_mchid,
        "amountFen": found.amount,
        "result": found.result,
        "failReason": found.fail_reason,
        "createdAt": found.created_at,
    }


def callback_view(callback: Callback) -> dict[str, object]:
    """A callback with its attempts and what was answered."""
    return {
        "id": callback.id,
        "mchid": callback.mchid,
        "form": callback.form,
        "eventType": callback.event_type,
        "notifyUrl": callback.notify_url,
        "outTradeNo": callback.out_trade_no,
        "outRefundNo": callback.out_refund_no,
        "number": callback.number,
        "done": callback.done,
        "dueAt": callback.due_at,
        "attempts": callback.attempts,
    }
