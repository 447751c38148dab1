"""Who is owed what and how it is paid: contracts, frozen terms, the ledger, periods, statements, splitting through the channel.

Verbs at the top: `contracts.open_books`, `contracts.create_contract`, `days.seal_days`, `close.close_month`, `verify.verify_books`, with the
pure arithmetic of `terms` and `split` and the one `ledger`. Rooms: what was agreed and how it is frozen, `agreements/`; what is reckoned
over a period, `true_ups/`; bringing orders into the ledger, `posting/`; what a statement says, `sheets/`; what must be true of the books,
`laws/`; paying parties through the channel, `splitting/`; comparing the books with the other side's files, `reconciliation/`; what people
say of statements, `signing/`, and where they disagree, `disputes/`; paying what is owed, `payouts/`; what finance sees of money beside
statements, `money/`.

Invariant: at every moment each party's balance equals its portion of split(amount kept), line by line, less what it was paid; entries are only
appended.
"""
