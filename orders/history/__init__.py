"""Order history from elsewhere: POS day files, marketplaces. A room of its own on the orders' floor; its rows stand in the same tables.

Verbs: import orders, refunds and payments. Invariant: rows read = imported + unchanged + refused, and the same file again changes nothing.
"""
