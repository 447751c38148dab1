"""Every way orders can say no."""

from tenants.kernel.errors import Broken, Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable


class OrderNotFound(NotFound):
    """There is no such order."""

    zh = "订单不存在"


class RefundNotFound(NotFound):
    """There is no such refund."""

    zh = "退款单不存在"


class SkuRepeated(Invalid):
    """An order names each SKU once; see details."""

    zh = "同一商品只能出现一次，详见 details"


class AmountTooLarge(Invalid):
    """The amount is larger than any payment can be."""

    zh = "金额超出上限"


class NotForSale(Conflict):
    """The SKU has no price here or is not offered at the moment; see details."""

    zh = "商品暂不可售，详见 details"


class PickupNotOffered(Conflict):
    """Nothing can be collected at this store for now."""

    zh = "该门店暂不支持自提"


class TotalAmountDifferent(Conflict):
    """The total has changed since the quote; show the new one and ask again."""

    zh = "订单金额已变化，请重新确认"


class OrderNumbersExhausted(Broken):
    """No free order number was found."""


class OrderAlreadyPaid(Conflict):
    """The order is paid already."""

    zh = "订单已支付"


class OrderNotPayable(Conflict):
    """The order can no longer be paid."""

    zh = "订单已不可支付"


class PaymentTimeOver(Conflict):
    """The time to pay is over; place the order again."""

    zh = "支付时间已过，请重新下单"


class PaymentPending(Unavailable):
    """The payment channel has not said what became of it; ask again in a moment."""

    zh = "支付渠道尚未返回结果，请稍后再试"


class PaymentRefused(Conflict):
    """The payment channel does not take this payment."""

    zh = "支付渠道拒绝了此笔支付"


class PaymentUnknown(NotFound):
    """The payment channel speaks of a payment that is not ours."""

    zh = "支付单不存在"


class PaymentDiffers(Conflict):
    """What the payment channel tells does not agree with what was asked for: a person must look."""

    zh = "支付渠道通知与支付单不一致，需人工核对"


class DifferingPaymentNotFound(NotFound):
    """There is no such payment of another amount than was asked."""

    zh = "没有此金额不符的支付"


class DifferingPaymentSettled(Conflict):
    """Somebody has decided on this payment already."""

    zh = "该金额不符的支付已处理"


class PaidAboveTotal(Conflict):
    """More was paid than the order costs: it can only be given back."""

    zh = "支付金额高于订单金额，只能退款"


class CallbackLost(Broken):
    """A received message is no longer in the inbox."""


class PickupCodeUnknown(NotFound):
    """There is no such pickup code."""

    zh = "提货码不存在"


class PickupAtOtherStore(Forbidden):
    """This order is collected at another store."""

    zh = "该订单须在其他门店自提"


class AlreadyCollected(Conflict):
    """The goods were handed over already; see details."""

    zh = "该订单已提货，详见 details"


class PickupVoid(Conflict):
    """This pickup code is no longer good: the order was or is being refunded."""

    zh = "提货码已失效：订单已退款或正在退款"


class PickupGuessesUsedUp(Refusal):
    """Too many wrong pickup codes; wait ten minutes."""

    zh = "提货码错误次数过多，请十分钟后再试"


class PickupCodesExhausted(Broken):
    """No free pickup code was found."""


class OrderNotRefundable(Conflict):
    """Nothing of this order can be refunded: it is unpaid, cancelled, or was not paid through our channel."""

    zh = "该订单不可退款"


class RefundExceedsPaid(Conflict):
    """More would be given back than is left of what was paid; see details."""

    zh = "退款超出可退金额，详见 details"


class RefundUnclear(Invalid):
    """Each line to refund is named once, with either a quantity or an amount."""

    zh = "每个退款行只能出现一次，且须填写数量或金额之一"


class TooManyRefunds(Conflict):
    """This payment has been refunded fifty times; the channel takes no more."""

    zh = "单笔支付最多退款五十次"


class RefundPending(Unavailable):
    """The payment channel has not said what became of the refund; ask again in a moment."""

    zh = "退款结果未知，请稍后再试"


class PriceAboveGoods(Invalid):
    """An order cannot be made to cost more than its goods; see details."""

    zh = "改价不能高于商品原价，详见 details"


class PriceBeyondAuthority(Forbidden):
    """You may not take that much off; see details."""

    zh = "超出改价权限，详见 details"


class HandOverUnreported(Unavailable):
    """The mini-program's platform has not taken note of the pickup; it will be told again."""

    zh = "发货信息尚未上传成功，稍后重试"


class HistoryChangedMeanwhile(Conflict):
    """Another import wrote the same documents at the same moment; run the import again."""

    zh = "另一个导入同时写入了相同的单据，请重新导入"
