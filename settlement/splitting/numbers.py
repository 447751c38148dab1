"""The numbers under which splitting is asked for: unguessable, with the tenant in them, and of three kinds that never meet.

An unfreeze under a number that a split has used answers success and unfreezes nothing; the first character keeps the kinds apart.
"""

from settlement.ports import RETURN_PREFIX, SPLIT_PREFIX, UNFREEZE_PREFIX
from tenants.kernel.ids import random_code

RANDOM_PART = 20


def new_split_no(public_code: str) -> str:
    """A number for one split."""
    return f"{SPLIT_PREFIX}{public_code}{random_code(RANDOM_PART)}"


def new_unfreeze_no(public_code: str) -> str:
    """A number for one unfreeze."""
    return f"{UNFREEZE_PREFIX}{public_code}{random_code(RANDOM_PART)}"


def new_return_no(public_code: str) -> str:
    """A number for one return."""
    return f"{RETURN_PREFIX}{public_code}{random_code(RANDOM_PART)}"
