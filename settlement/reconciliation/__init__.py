"""对账: the channel's, the cashiers' and the tills' files beside our own books, and every difference between them as a row with an owner.

Verbs: `fetch.reconcile_merchant`, `fetch.reconcile_file`, `take_in.keep_bill`, `compare_day.compare_day`, `proof.prove_day`,
`differences.assign_difference`, `differences.resolve_difference`. The arithmetic of comparing is `matching`, which knows neither bills nor
orders; whoever has two lists of the same events may use it.

Invariants: a file is kept whole, row by row, or not at all, and a corrected one beside the old; every row is compared, and no sum that a
file tells is believed; comparing again finds the same and opens nothing that a person resolved, unless its facts have changed.
"""
