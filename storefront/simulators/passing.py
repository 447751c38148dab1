"""What the passing of time alone does: settlement, the end of freezes, refunds, splits, returns, receipts, transfers of contacts.

Everything stands on one agenda and happens in the order of its moments, at its own moment: after a jump of the clock the books look as
if the days had passed one by one. What others have to be told of is returned as news.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from storefront.simulators.records import Refund, Split, SplitDetail, SplitReturn
from storefront.simulators.state import Due, Simulation
from storefront.simulators.wechat_mini import parcels
from storefront.simulators.wechat_mini.records import Parcel
from storefront.simulators.wechat_pay import books, refunds, split_returns, splits
from storefront.simulators.wecom import transfers
from storefront.simulators.wecom.records import Corp, Transfer


class SplitArrived(msgspec.Struct):
    """A receiver got its part."""

    split: Split
    detail: SplitDetail


class TransferFailed(msgspec.Struct):
    """A contact did not move."""

    corp: Corp
    transfer: Transfer


News = Refund | SplitArrived | SplitReturn | Parcel | TransferFailed


def settle_due(simulation: Simulation) -> list[News]:
    """Do everything that is due by now; returns what happened that others are told of."""
    news: list[News] = []
    while (due := simulation.next_due()) is not None:
        news += _KINDS[due.kind](simulation, due)
    return news


def _settle(simulation: Simulation, due: Due) -> list[News]:
    books.release(simulation, simulation.state.payments[due.key])
    return []


def _thaw(simulation: Simulation, due: Due) -> list[News]:
    payment = simulation.state.payments[due.key]
    if payment.trade_managed:
        settled_at = books.settled_by_receipt(simulation, payment)
        if settled_at is None or settled_at > due.at:
            # Frozen until receipt whatever the split's freeze says: _parcel_settled ends it.
            return []
    books.release(simulation, payment)
    return []


def _refund(simulation: Simulation, due: Due) -> list[News]:
    found = simulation.state.refunds[due.key]
    return [found] if found.due_at <= due.at and refunds.finish(simulation, found, at=due.at) else []


def _split(simulation: Simulation, due: Due) -> list[News]:
    found = simulation.state.splits[due.key]
    return [SplitArrived(found, detail) for detail in splits.carry_out(simulation, found, at=due.at)]


def _return(simulation: Simulation, due: Due) -> list[News]:
    found = simulation.state.returns[due.key]
    ended = split_returns.come_due(simulation, found, at=due.at)
    return [found] if ended and found.result == "SUCCESS" else []


def _receipt(simulation: Simulation, due: Due) -> list[News]:
    parcels.confirm(simulation, simulation.state.parcels[due.key], at=due.at, by_shopper=False)
    return []


def _parcel_settled(simulation: Simulation, due: Due) -> list[News]:
    parcel, payment = simulation.state.parcels[due.key], simulation.state.payments[due.key]
    if parcel.settled_at is not None:
        return []
    parcel.settled_at = due.at
    freeze = timedelta(days=simulation.state.merchants[payment.payee].freeze_days)
    if not payment.profit_sharing or _paid(payment.paid_at) + freeze <= due.at:
        books.release(simulation, payment)
    return [parcel]


def _paid(moment: datetime | None) -> datetime:
    if moment is None:
        raise LookupError("only what was paid can be shipped")
    return moment


def _transfer(simulation: Simulation, due: Due) -> list[News]:
    failed = transfers.come_due(simulation, due.key, at=due.at)
    return [TransferFailed(corp, transfer) for corp, transfer in failed]


_KINDS: dict[str, Callable[[Simulation, Due], list[News]]] = {
    "settle": _settle,
    "thaw": _thaw,
    "refund": _refund,
    "split": _split,
    "return": _return,
    "receipt": _receipt,
    "parcel-settled": _parcel_settled,
    "transfer": _transfer,
}
