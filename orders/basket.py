"""What a store says to a list of wanted units: the lines it would sell with their amounts, and the others with the reason.

Quote and placing ask the same question here, so that they cannot answer differently. Holds and changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from catalog.errors import NotRangedHere, SkuNotFound, SoldOut
from catalog.listings import Listing, listings_of
from catalog.states import Availability
from orders.amounts import LinePrice, OrderAmount, order_amount
from orders.commands import WantedLine
from orders.errors import NotForSale, SkuRepeated
from tenants.directory import trades
from tenants.errors import StoreNotSelling, TenantSuspended
from tenants.kernel.ids import StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.queries import store_facts
from tenants.states import StoreStatus
from tenants.views import StoreFacts

NO_DISCOUNT = Fen(0)


class Offer(msgspec.Struct, frozen=True):
    """A wanted line and the store's listing of its SKU; none when no SKU has that id."""

    line: WantedLine
    listing: Listing | None


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """Wanted lines sorted by what the store says, each list in the order asked; amounts are of the good ones."""

    good: list[tuple[WantedLine, Listing]]
    sold_out: list[Offer]
    not_ranged: list[Offer]
    invalid: list[Offer]
    amount: OrderAmount


async def selling_store(db: Reading, store_id: StoreId, *, at: datetime) -> StoreFacts:
    """A store that may sell at this moment; raises StoreNotFound, StoreNotSelling (closed, or outside its dates), TenantSuspended."""
    if not await trades(db):
        raise TenantSuspended
    facts = await store_facts(db, store_id)
    store = facts.store
    begun = store.active_from is None or store.active_from <= at
    over = store.active_to is not None and store.active_to <= at
    if store.status == StoreStatus.CLOSED or not begun or over:
        raise StoreNotSelling(store_id=store_id)
    return facts


def hands_over(facts: StoreFacts) -> bool:
    """Whether goods can be collected at this store."""
    return facts.store.pickup_offered and facts.store.status == StoreStatus.OPEN


async def fill_basket(db: Reading, facts: StoreFacts, *, lines: Sequence[WantedLine], at: datetime) -> Basket:
    """Price the lines for this store; raises SkuRepeated when a SKU is named twice."""
    counted = Counter(line.sku_id for line in lines)
    twice = {
        f"lines[{number}].skuId": "named twice"
        for number, line in enumerate(lines)
        if counted[line.sku_id] > 1
    }
    if twice:
        raise SkuRepeated(details=twice)
    listings = await listings_of(db, path=facts.path, sku_ids=counted, at=at)
    offers = [Offer(line, listings.get(line.sku_id)) for line in lines]
    good = [
        (offer.line, offer.listing)
        for offer in offers
        if offer.listing is not None and standing(offer) is Availability.AVAILABLE
    ]
    prices = [LinePrice(listing.price_fen or Fen(0), line.quantity) for line, listing in good]
    return Basket(
        good=good,
        sold_out=[offer for offer in offers if standing(offer) is Availability.SOLD_OUT],
        not_ranged=[offer for offer in offers if standing(offer) is Availability.NOT_RANGED_HERE],
        invalid=[offer for offer in offers if standing(offer) in {None, Availability.NOT_PRICED}],
        amount=order_amount(prices, discount_fen=NO_DISCOUNT),
    )


def standing(offer: Offer) -> Availability | None:
    """What the store says to this line; None for a SKU that does not exist. Fewer units than asked for is sold out."""
    listing = offer.listing
    if listing is None:
        return None
    if listing.availability is Availability.AVAILABLE and listing.available < offer.line.quantity:
        return Availability.SOLD_OUT
    return listing.availability


def refuse_incomplete(basket: Basket, *, lines: Sequence[WantedLine]) -> None:
    """Refuse an order that cannot be filled whole, each refused line in the details; the gravest reason names the refusal."""
    number = {line.sku_id: position for position, line in enumerate(lines)}

    def told(offers: Sequence[Offer], word: str) -> dict[str, str]:
        return {f"lines[{number[offer.line.sku_id]}]": word for offer in offers}

    unknown = [offer for offer in basket.invalid if offer.listing is None]
    unpriced = [offer for offer in basket.invalid if offer.listing is not None]
    short = {
        f"lines[{number[offer.line.sku_id]}]": f"SOLD_OUT: {offer.listing.available if offer.listing else 0} left"
        for offer in basket.sold_out
    }
    if unknown:
        raise SkuNotFound(details=told(unknown, "SKU_NOT_FOUND"))
    if basket.not_ranged:
        raise NotRangedHere(details=told(basket.not_ranged, "NOT_RANGED_HERE") | short)
    if unpriced:
        raise NotForSale(details=told(unpriced, "NOT_PRICED") | short)
    if short:
        raise SoldOut(details=short)
