"""The states of the catalogue, each with its meaning. Pure."""

from enum import StrEnum


class SaleStatus(StrEnum):
    """Whether a product or one of its units is offered at all."""

    ON_SALE = "on_sale"
    """上架: may be sold where it is in the assortment."""
    OFF_SALE = "off_sale"
    """下架: kept, but sold nowhere."""


class PageState(StrEnum):
    """Where one version of a page's layer stands."""

    DRAFT = "draft"
    """Being edited; shoppers do not see it."""
    SCHEDULED = "scheduled"
    """Will be shown from its date on."""
    PUBLISHED = "published"
    """Shown."""
    RETIRED = "retired"
    """Was shown; a later version took its place."""


class ReservationState(StrEnum):
    """What became of units held for an order."""

    HELD = "held"
    """Held until the reservation expires."""
    TAKEN = "taken"
    """The order was paid: the units have left the stock."""
    RELEASED = "released"
    """Given back."""


class Availability(StrEnum):
    """What a store can say of a SKU. NOT_RANGED_HERE is not SOLD_OUT: the one is a decision, the other a pity."""

    AVAILABLE = "AVAILABLE"
    """In the assortment, priced, and in stock."""
    SOLD_OUT = "SOLD_OUT"
    """In the assortment, but no unit is left."""
    NOT_RANGED_HERE = "NOT_RANGED_HERE"
    """Not in this store's assortment."""
    NOT_PRICED = "NOT_PRICED"
    """In the assortment, but without a price here."""
