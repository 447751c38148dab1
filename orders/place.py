"""Place an order: priced for the store, attributed to store and guide, on frozen terms, its units held until it must be paid.

Everything that later decides who is owed what is written here, before payment can be prepared, and never changed. Stock comes last,
because its rows are the hot ones. Idempotency is the caller's: the key lives in this same transaction.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from catalog import stock
from catalog.listings import Listing
from guides.attribution import Attribution, attribute
from guides.commission import plan_in_force, rate_of
from guides.queries import attribution_policy, commission_plans, gather_evidence, guide_of_staff
from orders.bases import base_of_line
from orders.basket import Basket, fill_basket, hands_over, refuse_incomplete, selling_store
from orders.commands import PlaceAssistedOrder, PlaceOrder
from orders.errors import OrderNumbersExhausted, PickupNotOffered, TotalAmountDifferent
from orders.events import OrderPlaced, ReservationRanOut
from orders.models import Order, OrderLine
from orders.numbers import new_order_no
from orders.ports import LineTerms, Terms, TermsQuestion
from orders.states import OrderState, Source
from orders.views import PlacedOrder
from tenants.hours import business_day, is_open
from tenants.kernel.ids import GuideId, OrderId, ShopperId, StaffId, StoreId, new_id
from tenants.kernel.money import Bps
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.queries import find_shopper, merchant_of_store
from tenants.views import StoreFacts

TIME_TO_PAY = timedelta(minutes=15)
SOURCE_NAME = "storefront"
NUMBER_ATTEMPTS = 3


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """For whom an order is placed, by whom, and whom the shopper named."""

    shopper_id: ShopperId
    staff_id: StaffId | None = None
    operator_guide_id: GuideId | None = None
    picked_guide_id: GuideId | None = None


async def place_order(
    db: Writing, command: PlaceOrder, *, now: datetime, shopper_id: ShopperId, terms: Terms
) -> PlacedOrder:
    """Place the shopper's own order; raises TotalAmountDifferent, NotRangedHere, SoldOut and the store's refusals."""
    buyer = Buyer(shopper_id=shopper_id, picked_guide_id=command.guide_id)
    return await _place(db, command, buyer=buyer, now=now, terms=terms)


async def place_assisted_order(
    db: Writing,
    command: PlaceAssistedOrder,
    *,
    now: datetime,
    staff_id: StaffId,
    store_id: StoreId,
    terms: Terms,
) -> PlacedOrder:
    """代客下单: staff place an order at their store for a known shopper, who pays it; the operator wins the attribution."""
    await find_shopper(db, command.shopper_id)
    buyer = Buyer(
        shopper_id=command.shopper_id,
        staff_id=staff_id,
        operator_guide_id=await guide_of_staff(db, staff_id, at=now),
    )
    order = PlaceOrder(
        store_id=store_id, lines=command.lines, total_fen=command.total_fen, remark=command.remark
    )
    return await _place(db, order, buyer=buyer, now=now, terms=terms)


async def _place(
    db: Writing, command: PlaceOrder, *, buyer: Buyer, now: datetime, terms: Terms
) -> PlacedOrder:
    facts = await selling_store(db, command.store_id, at=now)
    if not hands_over(facts):
        raise PickupNotOffered(store_id=command.store_id)
    basket = await fill_basket(db, facts, lines=command.lines, at=now)
    refuse_incomplete(basket, lines=command.lines)
    if basket.amount.total_fen != command.total_fen:
        raise TotalAmountDifferent(details={"totalFen": str(basket.amount.total_fen)})
    won = await _attribute(db, facts, buyer=buyer, now=now)
    frozen = await _freeze_terms(db, facts, basket=basket, guide_id=won.guide_id, terms=terms, now=now)
    order = await _write_order(
        db, facts, command=command, buyer=buyer, basket=basket, won=won, frozen=frozen, now=now
    )
    await _write_lines(db, order.id, basket=basket, frozen=frozen)
    await append(
        db, OrderPlaced(order_id=order.id, store_id=order.store_id, expires_at=order.expires_at), now=now
    )
    await append(db, ReservationRanOut(order_id=order.id), now=now, due_at=order.expires_at)
    wants = [stock.Want(line.sku_id, line.quantity) for line, _ in basket.good]
    await stock.reserve(
        db, order_id=order.id, path=facts.path, wants=wants, expires_at=order.expires_at, now=now
    )
    return order


async def _attribute(db: Writing, facts: StoreFacts, *, buyer: Buyer, now: datetime) -> Attribution:
    policy = await attribution_policy(db)
    evidence = await gather_evidence(
        db,
        buyer.shopper_id,
        store_id=facts.store.id,
        at=now,
        policy=policy,
        operator_guide_id=buyer.operator_guide_id,
        placed_by_staff=buyer.staff_id is not None,
        picked_guide_id=buyer.picked_guide_id,
    )
    return attribute(evidence, policy)


async def _freeze_terms(
    db: Writing, facts: StoreFacts, *, basket: Basket, guide_id: GuideId | None, terms: Terms, now: datetime
) -> list[LineTerms]:
    plan = None
    if guide_id is not None:
        plan = plan_in_force(await commission_plans(db, facts.path, at=now), path=facts.path, at=now)

    def question(listing: Listing) -> TermsQuestion:
        rate = rate_of(plan, category_code=listing.category_code) if guide_id else Bps(0)
        return TermsQuestion(
            store_id=facts.store.id,
            sku_id=listing.sku_id,
            sku_code=listing.sku_code,
            category_code=listing.category_code,
            promotion_code=listing.promotion_code,
            guide_id=guide_id,
            guide_rate_bps=rate,
            at=now,
        )

    return await terms.freeze(db, [question(listing) for _, listing in basket.good])


async def _write_order(
    db: Writing,
    facts: StoreFacts,
    *,
    command: PlaceOrder,
    buyer: Buyer,
    basket: Basket,
    won: Attribution,
    frozen: list[LineTerms],
    now: datetime,
) -> PlacedOrder:
    store = facts.store
    opened = is_open(facts.hours, at=now, time_zone=store.time_zone)
    day = business_day(now, time_zone=store.time_zone, starts=store.business_day_starts)
    columns: dict[str, Any] = {
        "id": OrderId(new_id()),
        "state": OrderState.AWAITING_PAYMENT,
        "scene": won.scene,
        "store_id": store.id,
        "shopper_id": buyer.shopper_id,
        "guide_id": won.guide_id,
        "attribution_rule": won.rule,
        "off_hours": None if opened is None else not opened,
        "goods_fen": basket.amount.goods_fen,
        "discount_fen": basket.amount.discount_fen,
        "total_fen": basket.amount.total_fen,
        "placed_at": now,
        "expires_at": now + TIME_TO_PAY,
    }
    hidden = {
        "tenant_id": db.tenant_id,
        "source": Source.STOREFRONT,
        "source_name": SOURCE_NAME,
        "pickup_store_id": store.id,
        "placed_by_staff_id": buyer.staff_id,
        "attribution": msgspec.to_builtins(won),
        "merchant_id": await merchant_of_store(db, store.id),
        "profit_sharing": any(each.profit_sharing for each in frozen),
        "business_on": day,
        "remark": command.remark,
    }
    for _ in range(NUMBER_ATTEMPTS):
        columns["order_no"] = new_order_no(day)
        row = upsert(Order).values(**columns, **hidden)
        written = row.on_conflict_do_nothing(index_elements=[Order.tenant_id, Order.order_no])
        if (await db.execute(written.returning(Order.id))).scalar_one_or_none() is not None:
            return PlacedOrder(**columns)
    raise OrderNumbersExhausted


async def _write_lines(db: Writing, order_id: OrderId, *, basket: Basket, frozen: list[LineTerms]) -> None:
    rows = [
        {
            "tenant_id": db.tenant_id,
            "id": new_id(),
            "order_id": order_id,
            "line_no": number,
            "sku_id": line.sku_id,
            "sku_code": listing.sku_code,
            "title": listing.title,
            "specs": msgspec.to_builtins(listing.specs),
            "category_code": listing.category_code,
            "promotion_code": listing.promotion_code,
            "quantity": line.quantity,
            "unit_price_fen": listing.price_fen,
            "goods_fen": amount.goods_fen,
            "discount_fen": amount.discount_fen,
            "paid_fen": amount.paid_fen,
            "base_fen": base_of_line(agreed.base, goods_fen=amount.goods_fen, paid_fen=amount.paid_fen),
            "terms_id": agreed.terms_id,
            "evidence": {
                "price": msgspec.to_builtins(listing.price_evidence),
                "contractId": str(agreed.contract_id),
            },
        }
        for number, ((line, listing), amount, agreed) in enumerate(
            zip(basket.good, basket.amount.lines, frozen, strict=True), start=1
        )
    ]
    await db.execute(insert(OrderLine).values(rows))
