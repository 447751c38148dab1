"""The words that a contract is agreed in, each with its meaning. Pure."""

from enum import StrEnum


class TermLength(StrEnum):
    """How long a guarantee, tiers or a cap are counted over, in whole accounting periods of the contract."""

    MONTH = "month"
    """按月."""
    QUARTER = "quarter"
    """按季: January to March, and so on."""
    YEAR = "year"
    """按年: January to December."""


class TierMode(StrEnum):
    """分段扣点: what a tier's rate is applied to."""

    MARGINAL = "marginal"
    """超额累进: each tier's rate to the turnover within it."""
    WHOLE = "whole"
    """全额累进: the rate of the tier that the turnover has reached to all of it."""


class GuaranteeKind(StrEnum):
    """保底: what is guaranteed."""

    SALES = "sales"
    """保底销售额: at least the rate of so much turnover, sold or not."""
    AMOUNT = "amount"
    """保底扣款额: at least so much."""


class ReturnsCount(StrEnum):
    """退货归属: which period what comes back is taken off."""

    WHEN_RETURNED = "when_returned"
    """计入退货账期: the one it comes back in."""
    WHEN_SOLD = "when_sold"
    """计入销售账期: the one the goods were sold in, which is reckoned again where it was settled already."""


class Bearer(StrEnum):
    """Who bears a cost that comes with a sale (the channel's fee, coupons)."""

    RESIDUAL = "residual"
    """The residual party alone."""
    PARTY = "party"
    """The party that the contract names."""
    SHARED = "shared"
    """Everybody, in proportion to the portions of the sale."""


class Invoice(StrEnum):
    """Who invoices the deduction (扣款开票方向)."""

    WE_ISSUE = "we_issue"
    """We invoice the party (it collects and pays us the rest)."""
    THEY_ISSUE = "they_issue"
    """The party invoices us for its deduction."""
    NONE = "none"
    """Nobody invoices."""


class OverRatio(StrEnum):
    """What to do about parties that could together get more than the channel lets a merchant split off."""

    REFUSE = "refuse"
    """The contract is refused."""
    PAYABLE = "payable"
    """What is above is not split but owed, and paid otherwise."""
