"""Which verbs react to which events: the whole list, on one screen.

Every event that any floor publishes stands here, with an empty tuple when nobody reacts: an unknown kind is parked, never skipped.
"""

from typing import Final

from orders import events as orders
from orders.reactions import ask_awaited_refund, release_unpaid, send_requested_refund
from storefront.callbacks.wechat_pay import act_on_callback
from storefront.reactions import Subscriptions, as_flow

SUBSCRIPTIONS: Final[Subscriptions] = {
    orders.OrderPlaced: (),
    orders.ReservationRanOut: (as_flow("orders.release_unpaid", release_unpaid),),
    orders.CallbackReceived: (as_flow("orders.act_on_callback", act_on_callback),),
    orders.OrderPaid: (),
    orders.OrderCancelled: (),
    orders.OrderCollected: (),
    orders.RefundRequested: (as_flow("orders.send_refund", send_requested_refund),),
    orders.RefundAwaited: (as_flow("orders.ask_refund", ask_awaited_refund),),
    orders.RefundDone: (),
    orders.HistoryImported: (),
}
