"""Who is owed what: contracts, frozen terms, splits, the double-entry ledger, periods, statements.

Verbs: `contracts.open_books`, `contracts.create_contract`, `freeze.freeze` (answers `orders.ports.Terms`), `post.post_order_paid`,
`post.post_refund`, `post_history.post_history`, `pending.post_pending`, `close.close_month`, `verify.verify_books`.

Invariant: at every moment each party's balance equals its portion of split(amount kept), line by line; entries are only appended.
"""
