"""Pickup: look an order up by its code, hand the goods over once, list what waits at a store.

A code is looked up through its unique index; comparing in constant time would gain nothing there, because what protects codes is
their number (10^12) and the count of wrong ones: an attempt is spent before the look and given back when the code was real, so that
a hundred guesses at once cannot all slip under the limit.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, and_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from catalog.listings import Spec
from orders.commands import RedeemPickup
from orders.errors import (
    AlreadyCollected,
    PickupAtOtherStore,
    PickupCodeUnknown,
    PickupGuessesUsedUp,
    PickupVoid,
)
from orders.events import OrderCollected
from orders.models import Order, OrderLine, Pickup, PickupAttempt
from orders.payments import lock_order
from orders.states import ORDER_MOVES, PICKUP_MOVES, OrderState, PickupState, origins
from orders.views import PickupLine, PickupOrder, WaitingPickups
from tenants.kernel.errors import Refusal
from tenants.kernel.ids import OrderId, ShopperId, StaffId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import phone_tails, store_names

MOST_GUESSES = 10
WINDOW = timedelta(minutes=10)


class Counter(msgspec.Struct, frozen=True):
    """Who stands at the counter: a staff member and the store he works at; head office has no counter."""

    staff_id: StaffId
    store_id: StoreId | None


async def redeem_pickup(
    tenant: TenantScope, command: RedeemPickup, *, counter: Counter, now: datetime
) -> PickupOrder:
    """Hand the goods over, once and at the order's pickup store; who, when and where are kept.

    Raises PickupCodeUnknown, PickupAtOtherStore, AlreadyCollected, PickupVoid; PickupGuessesUsedUp after ten wrong codes in ten minutes.
    """
    async with tenant.writing() as db:
        await _spend_guess(db, counter.staff_id, now=now)
    try:
        async with tenant.writing() as db:
            order_id = await _redeem(db, command.code, counter=counter, now=now)
            shown = await _pickup_order(db, order_id)
            await _return_guess(db, counter.staff_id, now=now)
            return shown
    except PickupCodeUnknown:
        raise
    except Refusal:
        async with tenant.writing() as db:
            await _return_guess(db, counter.staff_id, now=now)
        raise


async def look_up_pickup(tenant: TenantScope, code: str, *, counter: Counter, now: datetime) -> PickupOrder:
    """Show the order behind a code before the hand-over; a wrong code counts as a guess, another store's is refused."""
    async with tenant.writing() as db:
        await _spend_guess(db, counter.staff_id, now=now)
    async with tenant.writing() as db:
        pickup = await _pickup(db, code)
        await _return_guess(db, counter.staff_id, now=now)
        other = pickup.store_id != counter.store_id
        shown = await _pickup_order(db, OrderId(pickup.order_id))
    if other:
        raise PickupAtOtherStore
    return shown


async def waiting_pickups(
    db: Reading, store_id: StoreId, *, cursor: str | None = None, limit: int | None = None
) -> WaitingPickups:
    """What waits to be collected at a store, oldest first."""
    size = page_limit(limit)
    statement = select(Pickup.order_id, Pickup.created_at).where(
        Pickup.tenant_id == db.tenant_id, Pickup.store_id == store_id, Pickup.state == PickupState.WAITING
    )
    if cursor is not None:
        created_at, order_id = read_cursor(cursor, tuple[datetime, UUID])
        statement = statement.where(tuple_(Pickup.created_at, Pickup.order_id) > tuple_(created_at, order_id))
    statement = statement.order_by(Pickup.created_at, Pickup.order_id).limit(size + 1)
    rows = (await db.execute(statement)).all()
    orders = await _pickup_orders(db, [OrderId(row.order_id) for row in rows[:size]])
    last = rows[size - 1] if len(rows) > size else None
    return WaitingPickups(
        orders=orders, next_cursor=write_cursor(last.created_at, last.order_id) if last else None
    )


async def void_pickup(db: Writing, order_id: OrderId) -> None:
    """Make a locked order's code worthless: everything was refunded first."""
    await db.execute(
        update(Pickup)
        .where(
            Pickup.tenant_id == db.tenant_id,
            Pickup.order_id == order_id,
            Pickup.state.in_(origins(PICKUP_MOVES, PickupState.VOID)),
        )
        .values(state=PickupState.VOID)
    )


async def _redeem(db: Writing, code: str, *, counter: Counter, now: datetime) -> OrderId:
    found = await _pickup(db, code)
    order_id = OrderId(found.order_id)
    await lock_order(db, order_id)
    pickup = await _pickup(db, code)  # again, now that nobody else can change it
    if pickup.store_id != counter.store_id:
        raise PickupAtOtherStore(order_id=order_id)
    if pickup.state == PickupState.REDEEMED:
        raise AlreadyCollected(details=await _hand_over_told(db, pickup))
    if pickup.state == PickupState.VOID or await _being_refunded(db, order_id):
        raise PickupVoid(order_id=order_id)
    redeemed = (
        update(Pickup)
        .where(
            Pickup.tenant_id == db.tenant_id,
            Pickup.order_id == order_id,
            Pickup.state.in_(origins(PICKUP_MOVES, PickupState.REDEEMED)),
        )
        .values(
            state=PickupState.REDEEMED,
            redeemed_at=now,
            redeemed_by_staff_id=counter.staff_id,
            redeemed_at_store_id=counter.store_id,
        )
    )
    await db.execute(redeemed)
    collected = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.state.in_(origins(ORDER_MOVES, OrderState.COLLECTED)),
        )
        .values(state=OrderState.COLLECTED, closed_at=now)
    )
    await db.execute(collected)
    store_id = StoreId(pickup.store_id)
    await append(db, OrderCollected(order_id=order_id, store_id=store_id, collected_at=now), now=now)
    return order_id


async def _pickup(db: Reading, code: str) -> Any:
    # Redeemed and void codes may have been drawn again since: the active one comes first, then the newest.
    statement = (
        select(
            Pickup.order_id, Pickup.store_id, Pickup.state, Pickup.redeemed_at, Pickup.redeemed_at_store_id
        )
        .where(Pickup.tenant_id == db.tenant_id, Pickup.code == code)
        .order_by((Pickup.state == PickupState.WAITING).desc(), Pickup.created_at.desc())
        .limit(1)
    )
    found = (await db.execute(statement)).one_or_none()
    if found is None:
        raise PickupCodeUnknown
    return found


async def _being_refunded(db: Reading, order_id: OrderId) -> bool:
    """Whether everything that was paid is going back: the goods then stay, also while the channel has not answered."""
    statement = select(Order.paid_fen, Order.refunded_fen).where(
        Order.tenant_id == db.tenant_id, Order.id == order_id
    )
    order = (await db.execute(statement)).one()
    return bool(order.paid_fen > 0 and order.refunded_fen == order.paid_fen)


async def _hand_over_told(db: Reading, pickup: Any) -> dict[str, str]:
    names = await store_names(db, {StoreId(pickup.redeemed_at_store_id)})
    return {
        "collectedAt": pickup.redeemed_at.astimezone(UTC).isoformat(),
        "store": names.get(StoreId(pickup.redeemed_at_store_id), ""),
    }


async def _pickup_order(db: Reading, order_id: OrderId) -> PickupOrder:
    return (await _pickup_orders(db, [order_id]))[0]


async def _pickup_orders(db: Reading, order_ids: Sequence[OrderId]) -> list[PickupOrder]:
    """These orders at the counter, in this order."""
    rows = {row.id: row for row in await db.execute(_shown(db).where(Order.id.in_(order_ids)))}
    lines: dict[UUID, list[PickupLine]] = {order_id: [] for order_id in order_ids}
    statement = (
        select(
            OrderLine.order_id, OrderLine.title, OrderLine.sku_code, OrderLine.specs, OrderLine.quantity,
            OrderLine.refunded_quantity,
        )
        .where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id.in_(order_ids))
        .order_by(OrderLine.order_id, OrderLine.line_no)
    )  # fmt: skip
    for line in await db.execute(statement):
        lines[line.order_id].append(
            PickupLine(
                title=line.title,
                sku_code=line.sku_code,
                specs=msgspec.convert(line.specs, list[Spec]),
                quantity=line.quantity - line.refunded_quantity,
            )
        )
    tails = await phone_tails(db, {ShopperId(row.shopper_id) for row in rows.values() if row.shopper_id})
    return [
        PickupOrder(
            order_id=order_id,
            order_no=rows[order_id].order_no,
            store_id=StoreId(rows[order_id].store_id),
            state=PickupState(rows[order_id].state),
            shopper_tail=tails.get(rows[order_id].shopper_id),
            paid_fen=Fen(rows[order_id].paid_fen),
            lines=lines[order_id],
            paid_at=rows[order_id].paid_at,
            redeemed_at=rows[order_id].redeemed_at,
            redeemed_by_staff_id=rows[order_id].redeemed_by_staff_id,
        )
        for order_id in order_ids
    ]


def _shown(db: Reading) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Order.id, Order.order_no, Order.shopper_id, Order.paid_fen, Order.paid_at,
            Pickup.store_id, Pickup.state, Pickup.redeemed_at, Pickup.redeemed_by_staff_id,
        )
        .join(Pickup, and_(Pickup.tenant_id == Order.tenant_id, Pickup.order_id == Order.id))
        .where(Order.tenant_id == db.tenant_id, Pickup.tenant_id == db.tenant_id)
    )  # fmt: skip


def _window(now: datetime) -> datetime:
    start = int(now.timestamp()) // int(WINDOW.total_seconds()) * int(WINDOW.total_seconds())
    return datetime.fromtimestamp(start, UTC)


async def _spend_guess(db: Writing, staff_id: StaffId, *, now: datetime) -> None:
    """Count this attempt as wrong until the code proves real; the guard is in the statement, so attempts at once add up."""
    row = upsert(PickupAttempt).values(
        tenant_id=db.tenant_id, staff_id=staff_id, window_starts_at=_window(now), failures=1
    )
    spent = row.on_conflict_do_update(
        index_elements=[PickupAttempt.tenant_id, PickupAttempt.staff_id, PickupAttempt.window_starts_at],
        set_={"failures": PickupAttempt.failures + 1},
        where=PickupAttempt.failures < MOST_GUESSES,
    ).returning(PickupAttempt.failures)
    if (await db.execute(spent)).scalar_one_or_none() is None:
        raise PickupGuessesUsedUp(staff_id=staff_id)


async def _return_guess(db: Writing, staff_id: StaffId, *, now: datetime) -> None:
    await db.execute(
        update(PickupAttempt)
        .where(
            PickupAttempt.tenant_id == db.tenant_id,
            PickupAttempt.staff_id == staff_id,
            PickupAttempt.window_starts_at == _window(now),
            PickupAttempt.failures > 0,
        )
        .values(failures=PickupAttempt.failures - 1)
    )
