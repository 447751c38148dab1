"""From a quote to a collected order: quotes, placing, paying, pickup, refunds, and the history imported from elsewhere.

Verbs: quote, place, prepare a payment, record what the channel tells, give up, redeem a pickup, request and give back a refund, import
history. Invariant: what was paid, refunded and split of an order are guarded counters; who sold it and on which terms is frozen on
its lines before payment is prepared; an order is released only once the channel says that it can no longer be paid.
"""
