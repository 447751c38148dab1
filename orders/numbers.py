"""The numbers and codes that leave the system: unguessable, and each (pickup codes apart) with the tenant in it or beside it.

A payment's or refund's number starts with the tenant's public code, so that a line in the channel's bill finds its tenant.
"""

import secrets
from datetime import date

from tenants.kernel.ids import random_code

ORDER_DIGITS = 14
PICKUP_DIGITS = 12
"""10^12 codes: with 10,000 active ones a guess hits once in 10^8, and guesses are counted."""
RANDOM_PART = 20
LONGEST_NUMBER = 32


def new_order_no(day: date) -> str:
    """Twenty digits: the business day, then fourteen drawn ones, so that nobody reads a shop's sales off two numbers."""
    return f"{day:%y%m%d}{secrets.randbelow(10**ORDER_DIGITS):0{ORDER_DIGITS}d}"


def new_payment_no(public_code: str) -> str:
    """A number for one payment at the channel (6 to 32 of [0-9A-Za-z_-|*])."""
    return _number("P", public_code)


def new_refund_no(public_code: str) -> str:
    """A number for one refund at the channel."""
    return _number("R", public_code)


def new_pickup_code() -> str:
    """Twelve digits from the system's randomness."""
    return f"{secrets.randbelow(10**PICKUP_DIGITS):0{PICKUP_DIGITS}d}"


def _number(kind: str, public_code: str) -> str:
    number = f"{kind}{public_code}{random_code(RANDOM_PART)}"
    if len(number) > LONGEST_NUMBER:
        raise ValueError("a tenant's public code is too long for the channel's numbers")
    return number
