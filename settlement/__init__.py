"""Who is owed what and how it is paid: contracts, frozen terms, the ledger, periods, statements, splitting through the channel.

Verbs: `contracts.open_books`, `contracts.create_contract`, `freeze.freeze` (answers `orders.ports.Terms`), `post.post_order_paid`,
`post.post_refund`, `post_history.post_history`, `pending.post_pending`, `close.close_month`, `verify.verify_books`; for splitting
`receivers.add_receiver`, `schedule_split.schedule_split`, `send_split.send_split`, `unfreeze.unfreeze_rest`, `returns.send_return`, and
`payment_splits.ChannelSplits` (answers `orders.ports.PaymentSplits`).

Invariant: at every moment each party's balance equals its portion of split(amount kept), line by line, less what it was paid; entries are only
appended. Splitting moves nobody's entitlement: what the channel did not carry stays payable, what it cannot bring back is owed to us.
"""
