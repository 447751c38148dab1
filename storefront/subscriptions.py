"""Which verbs react to which events: the whole list, on one screen.

Every event that any floor publishes stands here, with an empty tuple when nobody reacts: an unknown kind is parked, never skipped.
"""

from typing import Final

from guides import events as guides
from guides.cards import tell_cards
from guides.contacts.carry import await_moves, begin_moves
from guides.contacts.ways import end_contact_ways
from orders import events as orders
from orders.reactions import ask_awaited_refund, release_unpaid, report_collected, send_requested_refund
from settlement import events as settlement
from settlement.react import (
    BOOK_HISTORY,
    book_differing_payment,
    book_history,
    book_paid_order,
    book_refund,
    book_unwanted_payment,
    go_on_booking,
    seal_ended_days,
)
from settlement.reconciliation.react import expect_bills, fetch_due_bills
from settlement.splitting.react import (
    ask_about_trade,
    ask_accepted_split,
    expect_split,
    leave_with_receivers,
    schedule_collected,
    send_due_split,
    send_requested_return,
    warn_before_thaw,
)
from storefront.callbacks import events as callbacks
from storefront.callbacks.pushes import act_on_contact, act_on_push
from storefront.callbacks.wechat_pay import act_on_callback
from storefront.reactions import Subscriptions, as_flow, in_transaction
from storefront.renew_daily import renew_daily
from tenants import events as tenants

SUBSCRIPTIONS: Final[Subscriptions] = {
    tenants.DayBegan: (as_flow("tenants.renew_certificates", renew_daily),),
    orders.OrderPlaced: (),
    orders.ReservationRanOut: (as_flow("orders.release_unpaid", release_unpaid),),
    callbacks.ContactMessageKept: (as_flow("guides.act_on_contact", act_on_contact),),
    callbacks.PushMessageKept: (as_flow("settlement.act_on_push", act_on_push),),
    guides.GuideDeparted: (as_flow("guides.end_contact_ways", end_contact_ways),),
    guides.GuideChanged: (as_flow("guides.tell_cards", tell_cards),),
    guides.MovesRequested: (as_flow("guides.begin_moves", begin_moves),),
    guides.MovesAwaited: (as_flow("guides.await_moves", await_moves),),
    orders.CallbackReceived: (as_flow("orders.act_on_callback", act_on_callback),),
    orders.OrderPaid: (
        in_transaction("settlement.book_paid_order", book_paid_order),
        in_transaction("settlement.expect_split", expect_split),
        in_transaction("settlement.reconciliation.expect", expect_bills),
    ),
    orders.PaymentDiffered: (in_transaction("settlement.book_differing_payment", book_differing_payment),),
    orders.OrderRepriced: (),
    orders.OrderCancelled: (),
    orders.OrderCollected: (
        in_transaction("settlement.splitting.schedule", schedule_collected),
        as_flow("orders.report_hand_over", report_collected),
    ),
    orders.RefundRequested: (
        in_transaction("settlement.book_unwanted_payment", book_unwanted_payment),
        as_flow("orders.send_refund", send_requested_refund),
    ),
    orders.RefundAwaited: (as_flow("orders.ask_refund", ask_awaited_refund),),
    orders.RefundFailed: (in_transaction("settlement.leave_with_receivers", leave_with_receivers),),
    orders.RefundDone: (in_transaction("settlement.book_refund", book_refund),),
    orders.HistoryImported: (in_transaction(BOOK_HISTORY, book_history),),
    settlement.PostingPaused: (in_transaction("settlement.go_on_booking", go_on_booking),),
    settlement.LedgerDayOver: (as_flow("settlement.seal_ended_days", seal_ended_days),),
    settlement.SplitScheduled: (as_flow("settlement.splitting.send", send_due_split),),
    settlement.TradeAwaited: (as_flow("settlement.ask_about_trade", ask_about_trade),),
    settlement.SplitAccepted: (as_flow("settlement.ask_split", ask_accepted_split),),
    settlement.FreezeNearsEnd: (in_transaction("settlement.warn_of_freeze", warn_before_thaw),),
    settlement.FreezeWarned: (),
    settlement.BillDue: (as_flow("settlement.reconciliation.fetch", fetch_due_bills),),
    settlement.ReturnRequested: (as_flow("settlement.send_return", send_requested_return),),
}
