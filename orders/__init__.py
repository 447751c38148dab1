"""From a quote to a collected order: quotes, placing, paying, pickup, refunds, and the history imported from elsewhere.

Invariant: what was paid, refunded and split of an order are guarded counters; who sold it and on which terms is frozen on its
lines before payment is prepared.
"""
