"""Which verbs react to which events: the whole list, on one screen.

Every event that any floor publishes stands here, with an empty tuple when nobody reacts: an unknown kind is parked, never skipped.
"""

from typing import Final

from orders import events as orders
from orders.reactions import ask_awaited_refund, release_unpaid, send_requested_refund
from settlement import events as settlement
from settlement.react import BOOK_HISTORY, book_history, book_paid_order, book_refund, go_on_booking
from storefront.callbacks.wechat_pay import act_on_callback
from storefront.reactions import Subscriptions, as_flow, in_transaction

SUBSCRIPTIONS: Final[Subscriptions] = {
    orders.OrderPlaced: (),
    orders.ReservationRanOut: (as_flow("orders.release_unpaid", release_unpaid),),
    orders.CallbackReceived: (as_flow("orders.act_on_callback", act_on_callback),),
    orders.OrderPaid: (in_transaction("settlement.book_paid_order", book_paid_order),),
    orders.OrderCancelled: (),
    orders.OrderCollected: (),
    orders.RefundRequested: (as_flow("orders.send_refund", send_requested_refund),),
    orders.RefundAwaited: (as_flow("orders.ask_refund", ask_awaited_refund),),
    orders.RefundDone: (in_transaction("settlement.book_refund", book_refund),),
    orders.HistoryImported: (in_transaction(BOOK_HISTORY, book_history),),
    settlement.PostingPaused: (in_transaction("settlement.go_on_booking", go_on_booking),),
}
