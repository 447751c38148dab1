"""Settles at the end of a period what its terms give a party beyond what its sales gave: nothing, as long as no contract has such terms."""

from datetime import date, datetime

from tenants.kernel.scope import Writing


async def post_true_ups(db: Writing, month: date, *, now: datetime) -> int:
    """Book the month's true-ups into it, once. Returns the entries written."""
    _ = (db, month, now)
    return 0
