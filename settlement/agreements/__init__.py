"""What was agreed: contracts with everything they may say, promotions and who pays for them, what a merchant may give away, frozen terms.

`settlement.contracts` makes a contract and its versions; here stand its parts, what is checked of it, how it is read, what it would have
done to a month (`rehearse`), and how it is frozen on the line of an order (`freeze`). Versions and frozen terms are never edited.
"""
