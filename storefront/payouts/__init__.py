"""Payouts as files: what goes to the bank, what goes to payroll, and what comes back from them."""
