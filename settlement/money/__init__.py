"""What finance sees of money beside statements: a party's balance by how far it has come, every fen of one order, fees, suspense.

Reads alone. Everything is counted from the ledger; nothing here is stored, so nothing here can differ from it.
"""
