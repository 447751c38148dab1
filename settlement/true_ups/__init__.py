"""What is reckoned over a period and not line by line: guarantees, tiers, caps; and the difference, booked when the month closes.

`period_terms` is pure arithmetic on a contract's period terms, `stretches` the dated pieces of a period with equal terms, `turnover` what
was sold in them, `bearers` who stands on the other side, `reckon` which terms a closing settles and what they come to; `post` books the
true-up in the transaction that shuts the month.
"""
