"""The words of attribution, each with its meaning. Pure."""

from enum import StrEnum


class Scene(StrEnum):
    """场景: through which door an order came."""

    OFFICIAL_SHOP = "official_shop"
    """官方商城: the brand's own mini-program, no guide involved."""
    GUIDE = "guide"
    """导购: a guide's link or code."""
    COMMUNITY = "community"
    """社群: a store's group chat."""
    LIVE = "live"
    """直播."""
    SCAN_AND_GO = "scan_and_go"
    """扫码购."""
    MALL_PARTNER = "mall_partner"
    """商场: a mall's own channel."""
    JOINT_CHECKOUT = "joint_checkout"
    """联营收银台."""
    IN_STORE = "in_store"
    """门店: at the counter, POS included."""
    MARKETPLACE = "marketplace"
    """第三方平台: imported, for figures only."""


class AttributionRule(StrEnum):
    """Which rule of the policy decided, most binding first."""

    OPERATOR = "operator"
    """The guide who placed the order for the shopper (代客下单)."""
    PICKED = "picked"
    """The guide the shopper named."""
    LAST_TOUCH = "last_touch"
    """The last valid link or code within the window."""
    RELATION = "relation"
    """The guide who holds the relation."""
    STORE_ONLY = "store_only"
    """No guide: the sale is the store's."""
    IMPORTED = "imported"
    """As the imported document says."""


class RelationSource(StrEnum):
    """How a shopper came to know a guide."""

    SCAN = "scan"
    """Scanned a code."""
    ORDER = "order"
    """Bought from the guide."""
    WECOM = "wecom"
    """Added the guide in WeCom."""
    IMPORT = "import"
    """Brought in from another system."""


class CommissionBase(StrEnum):
    """What a commission rate is applied to."""

    PAID_GOODS = "paid_goods"
    """What was paid for the goods, after discounts, net of refunds."""
