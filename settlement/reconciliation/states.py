"""The words of reconciliation, each with its meaning. Pure."""

from enum import StrEnum


class BillKind(StrEnum):
    """Which file a row was read from."""

    TRADE = "trade"
    """交易账单: payments and accepted refunds of a merchant, from its channel."""
    SPLIT = "split"
    """分账账单: successful splits and returns of a merchant, from its channel."""
    FUND = "fund"
    """资金账单: every movement of a merchant's account at its channel."""
    CASHIER = "cashier"
    """A partner's cashier tells what it took for us and what it keeps (联合收银)."""
    TILL = "till"
    """A till's day file (POS 日结)."""


OF_CHANNEL = (BillKind.TRADE, BillKind.SPLIT, BillKind.FUND)
"""Files of a merchant number; the others are named after the system they come from."""
OF_LINES = (BillKind.CASHIER, BillKind.TILL)


class BillState(StrEnum):
    """Whether a day's file is the one that counts."""

    CURRENT = "current"
    """Compared with our books."""
    SUPERSEDED = "superseded"
    """A corrected file took its place; kept as it came."""


class DayState(StrEnum):
    """Where the file of one day stands."""

    EXPECTED = "expected"
    """Asked for once it can be there."""
    PENDING = "pending"
    """Asked for and not ready yet: told, and no difference."""
    NOTHING = "nothing"
    """The other side says that nothing happened on this day."""
    TAKEN = "taken"
    """Taken in and compared."""
    REFUSED = "refused"
    """It could not be had or read; nothing of it is kept."""


class DifferenceState(StrEnum):
    """Where a difference stands."""

    OPEN = "open"
    """Somebody must look."""
    RESOLVED = "resolved"
    """A person said why, and that it is settled; it opens again only when its facts change."""
    GONE = "gone"
    """It closed by itself: a later file or booking explains it."""
