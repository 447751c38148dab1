"""Every way splitting can say no."""

from tenants.kernel.errors import Broken, Invalid, NotFound, Unavailable


class ReceiverNotFound(NotFound):
    """There is no such receiver."""

    zh = "分账接收方不存在"


class ReceiverNotPossible(Invalid):
    """Persons receive no splits: what they are owed is paid to them directly."""

    zh = "个人不能作为分账接收方，应通过付款发放"


class SplitNotFound(NotFound):
    """There is no such split."""

    zh = "分账单不存在"


class SplitPending(Unavailable):
    """The payment channel has not said what became of the split; it is asked again in a moment."""

    zh = "分账结果未知，请稍后再试"


class TradeUnclear(Unavailable):
    """The platform has not said where the order stands; it is asked again in a moment."""

    zh = "平台未返回订单状态，稍后将再次查询"


class SplitDiffers(Broken):
    """What the channel tells of a split does not agree with what was asked for: a person must look."""


class SplitExceedsPaid(Broken):
    """More would be split off than refunds have left of what was paid."""
