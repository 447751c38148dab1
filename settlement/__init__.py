"""Who is owed what: contracts, frozen terms, splits, the double-entry ledger, periods, statements.

Invariant: at every moment each party's balance equals its portion of split(amount kept), line by line; entries are only appended.
"""
