"""Who is owed what and how it is paid: contracts, frozen terms, the ledger, periods, statements, splitting through the channel.

Verbs: `contracts.open_books`, `contracts.create_contract`, `rehearse.rehearse_contract`, `freeze.freeze` (answers `orders.ports.Terms`),
`post.post_orders_paid`, `post.post_payments`, `post.post_refund`, `post_history.post_history`, `pending.post_pending`, `days.seal_days`,
`true_up.post_true_ups`, `close.close_month`, `verify.verify_books`. Rooms of their own: paying parties through the channel, `splitting/`;
comparing the books with the other side's files, `reconciliation/`; what people say of statements, `signing/`, and where they disagree,
`disputes/`; paying what is owed, `payouts/`; what finance sees of money beside statements, `money/`.

Invariant: at every moment each party's balance equals its portion of split(amount kept), line by line, less what it was paid; entries are only
appended.
"""
