"""What people say of a statement (签核): approved by a second person, agreed or disputed by its party, corrected by adjustments, restated.

Verbs: `standing.approve_statement`, `standing.agree_to_statement`, `adjust.propose_adjustment`, `adjust.decide_adjustment`,
`invoices.record_invoice`. Invariant: the figures of a statement's version never change; what changes is where it stands.
"""
