"""Quote: what these units cost at a store now, and which of them it cannot sell. Promises nothing and holds nothing."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from orders.basket import Basket, Offer, fill_basket, hands_over, selling_store
from orders.commands import AskQuote
from orders.views import QuotedLine, QuoteView, RefusedLine
from tenants.hours import is_open, next_opening
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.views import StoreFacts

NOTHING = Fen(0)


async def quote(db: Reading, command: AskQuote, *, now: datetime) -> QuoteView:
    """Price the lines for the store; `totalFen` counts the lines it can sell, the four lists hold the others."""
    facts = await selling_store(db, command.store_id, at=now)
    basket = await fill_basket(db, facts, lines=command.lines, at=now)
    offered = hands_over(facts)
    chinese, english = _eta(facts, at=now)
    return QuoteView(
        store_id=facts.store.id,
        store_name=facts.store.name,
        pickup_eta_text=chinese,
        pickup_eta_text_en=english,
        lines=_quoted(basket) if offered else [],
        sold_out=_refused(basket.sold_out),
        not_ranged=_refused(basket.not_ranged),
        invalid=_refused(basket.invalid),
        not_deliverable=[] if offered else _refused([Offer(*pair) for pair in basket.good]),
        goods_fen=basket.amount.goods_fen if offered else NOTHING,
        discount_fen=basket.amount.discount_fen if offered else NOTHING,
        freight_fen=NOTHING,
        total_fen=basket.amount.total_fen if offered else NOTHING,
    )


def _quoted(basket: Basket) -> list[QuotedLine]:
    return [
        QuotedLine(
            sku_id=line.sku_id,
            sku_code=listing.sku_code,
            title=listing.title,
            specs=list(listing.specs),
            image=listing.image,
            quantity=line.quantity,
            unit_price_fen=listing.price_fen or NOTHING,
            goods_fen=amount.goods_fen,
            discount_fen=amount.discount_fen,
            paid_fen=amount.paid_fen,
        )
        for (line, listing), amount in zip(basket.good, basket.amount.lines, strict=True)
    ]


def _refused(offers: Sequence[Offer]) -> list[RefusedLine]:
    return [
        RefusedLine(
            sku_id=offer.line.sku_id,
            quantity=offer.line.quantity,
            title=offer.listing.title if offer.listing else None,
            available=offer.listing.available if offer.listing else None,
        )
        for offer in offers
    ]


def _eta(facts: StoreFacts, *, at: datetime) -> tuple[str, str]:
    """When the goods can be collected, in Chinese and English; hours that nobody could read are not guessed."""
    store = facts.store
    if not hands_over(facts):
        return "该门店暂不支持自提", "Pickup is not offered here for now"
    opened = is_open(facts.hours, at=at, time_zone=store.time_zone)
    if opened:
        return "付款后即可到店自提", "Ready for pickup as soon as it is paid"
    opening = next_opening(facts.hours, at=at, time_zone=store.time_zone)
    if opened is None or opening is None:
        return "请于门店营业时间内自提", "Pickup during the store's opening hours"
    local = opening.astimezone(ZoneInfo(store.time_zone))
    return f"{local.month}月{local.day}日{local:%H:%M}开门后可自提", f"Pickup from {local:%Y-%m-%d %H:%M}"
