"""Stock: units held, taken, given back and put back, for all lines of an order in one statement each.

Every change is a guarded UPDATE: nobody reads a number, decides, and writes. Rows are locked in the order of their SKU, so two carts
with the same SKUs cannot wait for each other in a ring; the caller comes here last in its transaction, because these rows are the
hot ones. The stock of a SKU is that of the most specific level with a row; which SKUs a store carries is the listings' question.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text

from catalog.commands import SetStock
from catalog.errors import SoldOut
from catalog.level_paths import path_of_level
from catalog.resolve import StockLevel, stock_level
from catalog.states import ReservationState
from catalog.versions import bump
from tenants.kernel.ids import LevelId, OrderId, SkuId
from tenants.kernel.scope import Reading, Writing
from tenants.levels import LevelPath


class Want(msgspec.Struct, frozen=True):
    """So many units of a SKU."""

    sku_id: SkuId
    quantity: int


class Counted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What setting counts came to: rows changed, SKUs whose newer count was kept, ids that no SKU has."""

    changed: int
    stale: tuple[SkuId, ...]
    unknown: tuple[SkuId, ...]


_WANTED = """
wanted AS (
  SELECT sku_id, quantity FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:quantities AS bigint[])) AS w (sku_id, quantity)
), chosen AS (
  SELECT w.sku_id, w.quantity, (
    SELECT k.level_id FROM app.stock k
    WHERE k.tenant_id = :tenant_id AND k.sku_id = w.sku_id AND k.level_id = ANY(CAST(:path AS uuid[]))
    ORDER BY array_position(CAST(:path AS uuid[]), k.level_id) DESC LIMIT 1) AS level_id
  FROM wanted w
)"""
# The lock comes first and sorted: an UPDATE joined to a list takes its rows in whatever order the plan likes.
_LOCKED = """
locked AS (
  SELECT k.sku_id, k.level_id, k.on_hand AS before, {source}.quantity FROM app.stock k
  JOIN {source} ON k.sku_id = {source}.sku_id AND k.level_id = {source}.level_id
  WHERE k.tenant_id = :tenant_id
  ORDER BY k.sku_id, k.level_id FOR NO KEY UPDATE OF k
)"""
_MOVED = """
moved AS (
  UPDATE app.stock k SET {change} FROM locked l
  WHERE k.tenant_id = :tenant_id AND k.sku_id = l.sku_id AND k.level_id = l.level_id {guard}
  RETURNING k.sku_id, k.level_id, l.quantity, l.before, k.on_hand, k.reserved
)"""
_ENOUGH = "AND k.on_hand - k.reserved >= l.quantity"
_HELD = """
held AS (
  SELECT r.sku_id, r.level_id, r.quantity FROM app.reservations r
  WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.state = :state_before
  ORDER BY r.sku_id FOR UPDATE
)"""
_SETTLED = """
settled AS (
  UPDATE app.reservations r SET state = :state_after, taken = {taken} FROM moved m
  WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.sku_id = m.sku_id
)"""
_LEFT_THE_SHELF = "m.before - m.on_hand"
_RESULT = "SELECT sku_id, level_id, quantity, before, on_hand, reserved FROM moved"

RESERVE = text(
    "WITH" + _WANTED + "," + _LOCKED.format(source="chosen") + ","
    + _MOVED.format(change="reserved = k.reserved + l.quantity", guard=_ENOUGH) + """,
held AS (
  INSERT INTO app.reservations (tenant_id, order_id, sku_id, level_id, quantity, taken, state, expires_at)
  SELECT :tenant_id, :order_id, m.sku_id, m.level_id, m.quantity, 0, 'held', :expires_at FROM moved m
)
""" + _RESULT
)  # fmt: skip


def _settle(change: str, *, guard: str = "", taken: str = "0") -> Any:
    moved = _MOVED.format(change=change, guard=guard)
    parts = (_HELD, _LOCKED.format(source="held"), moved, _SETTLED.format(taken=taken))
    return text("WITH" + ",".join(parts) + "\n" + _RESULT)


# A till may have counted the shelf below what was held: a paid order then takes what there is, and the caller is told.
TAKE = _settle(
    "on_hand = greatest(k.on_hand - l.quantity, 0), reserved = k.reserved - l.quantity", taken=_LEFT_THE_SHELF
)
RELEASE = _settle("reserved = k.reserved - l.quantity")
RETAKE = _settle("on_hand = k.on_hand - l.quantity", guard=_ENOUGH, taken=_LEFT_THE_SHELF)
_COUNT = text(
    "SELECT count(*) FROM app.reservations"
    " WHERE tenant_id = :tenant_id AND order_id = :order_id AND state = :state"
)
_AVAILABLE = text(
    "WITH" + _WANTED + " SELECT c.sku_id, coalesce(k.on_hand - k.reserved, 0) AS available FROM chosen c"
    " LEFT JOIN app.stock k ON k.tenant_id = :tenant_id AND k.sku_id = c.sku_id AND k.level_id = c.level_id"
)
# Only what left the shelf can come back to it: a unit that was paid for but not there must not appear from nothing.
_PUT_BACK = text("""
WITH wanted AS (
  SELECT w.sku_id, r.level_id, least(w.quantity, r.taken) AS quantity
  FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:quantities AS bigint[])) AS w (sku_id, quantity)
  JOIN app.reservations r ON r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.sku_id = w.sku_id
  WHERE r.state = 'taken' AND r.taken > 0
),""" + _LOCKED.format(source="wanted") + "," + _MOVED.format(change="on_hand = k.on_hand + l.quantity", guard="") + """,
returned AS (
  UPDATE app.reservations r SET taken = r.taken - m.quantity FROM moved m
  WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.sku_id = m.sku_id
)
""" + _RESULT)  # fmt: skip
_STOCKED = text(
    "SELECT sku_id, on_hand, reserved, feed_sequence FROM app.stock"
    " WHERE tenant_id = :tenant_id AND level_id = :level_id AND sku_id = ANY(CAST(:sku_ids AS uuid[]))"
    " ORDER BY sku_id FOR NO KEY UPDATE"
)
_SET_ON_HAND = text(
    "INSERT INTO app.stock (tenant_id, sku_id, level_id, level, on_hand, reserved, feed_sequence)"
    " SELECT :tenant_id, s.id, :level_id, :level, counted.on_hand, 0, CAST(:sequence AS bigint)"
    " FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:on_hand AS bigint[])) AS counted (sku_id, on_hand)"
    " JOIN app.skus s ON s.tenant_id = :tenant_id AND s.id = counted.sku_id"
    " ORDER BY s.id"
    " ON CONFLICT (tenant_id, sku_id, level_id) DO UPDATE"
    " SET on_hand = excluded.on_hand, feed_sequence = greatest(stock.feed_sequence, excluded.feed_sequence)"
    " WHERE :by_hand OR stock.feed_sequence < excluded.feed_sequence"
    " RETURNING sku_id, on_hand, reserved"
)


async def reserve(
    db: Writing,
    *,
    order_id: OrderId,
    path: LevelPath,
    wants: Sequence[Want],
    expires_at: datetime,
    now: datetime,
) -> None:
    """Hold units for an unpaid order until `expires_at`; raises SoldOut, `shortages` saying what is left of each SKU.

    All or nothing: on SoldOut let the transaction roll back. Lines of one SKU are added up.
    """
    if expires_at <= now or any(want.quantity <= 0 for want in wants):
        raise ValueError("a reservation holds at least one unit of each SKU for some time")
    if not wants:
        return
    units = _units(wants)
    row = {"order_id": order_id, "expires_at": expires_at}
    moved = (await db.execute(RESERVE, row | _parameters(db, units, path))).all()
    if len(moved) < len(units):
        await _refuse(db, units, path=path, already={each.sku_id for each in moved})
    await _tell(db, [(each.level_id, each.on_hand - each.reserved, each.quantity) for each in moved])


async def take(db: Writing, *, order_id: OrderId) -> list[SkuId]:
    """The order is paid: its held units leave the stock. Harmless to repeat.

    Returns the SKUs of which fewer units are on hand than were paid for (somebody counted the shelf meanwhile).
    """
    moved = await _change(db, TAKE, order_id, before=ReservationState.HELD, after=ReservationState.TAKEN)
    return [each.sku_id for each in moved if each.before < each.quantity]


async def release(db: Writing, *, order_id: OrderId) -> None:
    """Give an unpaid order's held units back. Harmless to repeat, and after payment it releases nothing."""
    moved = await _change(
        db, RELEASE, order_id, before=ReservationState.HELD, after=ReservationState.RELEASED
    )
    await _tell(db, [(each.level_id, each.on_hand - each.reserved, -each.quantity) for each in moved])


async def retake(db: Writing, *, order_id: OrderId) -> bool:
    """The order was paid after its units had been released: take them if all are still there, else change nothing and say False."""
    released = {"tenant_id": db.tenant_id, "order_id": order_id, "state": ReservationState.RELEASED.value}
    wanted = (await db.execute(_COUNT, released)).scalar_one()
    async with db.begin_nested() as savepoint:
        moved = await _change(
            db, RETAKE, order_id, before=ReservationState.RELEASED, after=ReservationState.TAKEN
        )
        if len(moved) < wanted:
            await savepoint.rollback()
            return False
    await _tell(db, [(each.level_id, each.on_hand - each.reserved, each.quantity) for each in moved])
    return True


async def put_back(db: Writing, *, order_id: OrderId, wants: Sequence[Want]) -> int:
    """Units of a paid order go back on the shelf they came from (a refund); returns how many.

    Never more than left the shelf for this order; a SKU that it never took is left alone.
    """
    units = _units(wants)
    if not units:
        return 0
    row = {"order_id": order_id} | _parameters(db, units, None)
    moved = (await db.execute(_PUT_BACK, row)).all()
    await _tell(db, [(each.level_id, each.on_hand - each.reserved, -each.quantity) for each in moved])
    return sum(each.quantity for each in moved)


async def set_on_hand(db: Writing, command: SetStock) -> Counted:
    """Set what is on hand at one level. Held units stay held: available = on hand - reserved.

    A feed numbers its messages and an older or repeated one changes nothing; without a number somebody counted by hand, and is believed.
    """
    await path_of_level(db, command.level, level_id=command.level_id)
    on_hand = {count.sku_id: count.on_hand for count in command.counts}
    sku_ids = sorted(on_hand)
    place = {"tenant_id": db.tenant_id, "level_id": command.level_id, "sku_ids": sku_ids}
    before = {row.sku_id: row for row in await db.execute(_STOCKED, place)}
    row = {
        "level": command.level.value, "on_hand": [on_hand[sku_id] for sku_id in sku_ids],
        "sequence": command.feed_sequence or 0, "by_hand": command.feed_sequence is None,
    }  # fmt: skip
    after = {row.sku_id: row for row in await db.execute(_SET_ON_HAND, place | row)}
    stale = [sku_id for sku_id in sku_ids if sku_id in before and sku_id not in after]
    unknown = [sku_id for sku_id in sku_ids if sku_id not in before and sku_id not in after]
    if any(_step(before.get(sku_id)) is not _step(row) for sku_id, row in after.items()):
        await bump(db, [command.level_id])
    return Counted(changed=len(after), stale=tuple(stale), unknown=tuple(unknown))


def _step(row: Any) -> StockLevel | None:
    return None if row is None else stock_level(row.on_hand - row.reserved)


def _units(wants: Iterable[Want]) -> list[tuple[SkuId, int]]:
    units: Counter[SkuId] = Counter()
    for want in wants:
        units[want.sku_id] += want.quantity
    return sorted(units.items())


def _parameters(db: Reading, units: list[tuple[SkuId, int]], path: LevelPath | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "tenant_id": db.tenant_id,
        "sku_ids": [sku_id for sku_id, _ in units],
        "quantities": [quantity for _, quantity in units],
    }
    return parameters | ({"path": path.ids()} if path else {})


async def _change(
    db: Writing, statement: Any, order_id: OrderId, *, before: ReservationState, after: ReservationState
) -> Sequence[Any]:
    row = {
        "tenant_id": db.tenant_id, "order_id": order_id, "state_before": before.value, "state_after": after.value,
    }  # fmt: skip
    return (await db.execute(statement, row)).all()


async def _refuse(db: Writing, units: list[tuple[SkuId, int]], *, path: LevelPath, already: set[Any]) -> None:
    found = await db.execute(_AVAILABLE, _parameters(db, units, path))
    left = {row.sku_id: max(int(row.available), 0) for row in found}
    shortages = {sku_id: left.get(sku_id, 0) for sku_id, _ in units if sku_id not in already}
    raise SoldOut(
        details={str(sku_id): f"{count} left" for sku_id, count in shortages.items()}, shortages=shortages
    )


async def _tell(db: Writing, moves: Iterable[tuple[LevelId, int, int]]) -> None:
    """Bump the faces on which a stock step changed: (level, available now, units that left)."""
    await bump(db, {level for level, now, left in moves if stock_level(now) is not stock_level(now + left)})
