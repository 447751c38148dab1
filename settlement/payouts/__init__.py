"""Paying what statements say is owed (付款): a batch with a control total, released by a second person, its outcome booked line by line.

Verbs: `payees.set_payee`, `prepare.prepare_payout`, `release.release_payout`, `release.withdraw_payout`, `outcome.record_outcome`. Invariant:
what payouts hold or have sent on a statement never exceeds what it says is owed, whoever prepares them, however often, at the same time.
"""
