"""The states and roles of the ground floor, each with its meaning. Pure."""

from enum import StrEnum


class TenantStatus(StrEnum):
    """Whether a brand may trade."""

    ACTIVE = "active"
    """Trades."""
    SUSPENDED = "suspended"
    """Log-ins and orders are refused; settlement goes on."""


class StoreStatus(StrEnum):
    """Whether a store may sell."""

    OPEN = "open"
    """营业中: sells, and hands over goods."""
    ONLINE_ONLY = "online_only"
    """Sells, but nothing can be collected there for now."""
    CLOSED = "closed"
    """已闭店: its face can be read, nothing is sold; old orders stay refundable."""


class Ownership(StrEnum):
    """Who runs a store; it decides who takes the money and who is owed."""

    DIRECT = "direct"
    """直营: the brand itself."""
    FRANCHISE = "franchise"
    """加盟: a franchisee."""
    AGENT = "agent"
    """代理: an agent selling the brand's stock."""
    JOINT = "joint"
    """联营: run together with a landlord."""


class StaffRole(StrEnum):
    """What a staff member may do."""

    BRAND_HQ = "brand_hq"
    """总部: catalogue, stores, pages, staff, contracts."""
    FINANCE = "finance"
    """财务: contracts, periods, statements, refunds."""
    STORE_MANAGER = "store_manager"
    """店长: everything in one store."""
    GUIDE = "guide"
    """导购: own shoppers, assisted orders and pickups in one store."""
    MALL_FINANCE = "mall_finance"
    """商场财务: a landlord's accountant; reads that mall's own statements and nothing else."""


MONEY_ROLES = (StaffRole.BRAND_HQ, StaffRole.FINANCE)
"""Who decides over the brand's money."""


class PrincipalKind(StrEnum):
    """Who a session belongs to."""

    STAFF = "staff"
    """A staff member of the tenant."""
    SHOPPER = "shopper"
    """A shopper of the tenant."""
