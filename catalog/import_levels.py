"""Import what is decided per level: prices, stock and assortments, each row for the brand, a store group or a store.

One upsert a batch, then the face versions of the levels that changed. Stock that a feed gives is absolute: units on hand are set, units
held for orders stay held. A feed that numbers its messages cannot be overtaken by an older one.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Table

from catalog.codes import AtLevel, Places, places
from catalog.models import AssortmentRow as AssortmentTable
from catalog.models import Price, Stock
from catalog.versions import bump
from tenants.batches import upsert_batch
from tenants.import_outcomes import Finding, RowOutcome, RowState, refusal
from tenants.kernel.ids import LevelId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing

PRICES: Table = Price.__table__  # type: ignore[assignment]
STOCK: Table = Stock.__table__  # type: ignore[assignment]
ASSORTMENTS: Table = AssortmentTable.__table__  # type: ignore[assignment]
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a price holds that names no beginning."""
LEVEL_KEY = ("sku_id", "level_id")


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A price at one level; without store and group, the brand's."""

    number: int
    sku_code: str
    store_code: str | UnsetType | None = UNSET
    group_code: str | UnsetType | None = UNSET
    price: Fen
    line_price: Fen | UnsetType | None = UNSET
    """The price that is shown struck through."""
    active_from: datetime | UnsetType | None = UNSET
    active_to: datetime | UnsetType | None = UNSET


class StockRow(msgspec.Struct, frozen=True, kw_only=True):
    """Units on hand at one level."""

    number: int
    sku_code: str
    store_code: str | UnsetType | None = UNSET
    group_code: str | UnsetType | None = UNSET
    on_hand: int
    feed_sequence: int | UnsetType | None = UNSET


class AssortmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one level carries a SKU; a file without that column lists what is carried."""

    number: int
    sku_code: str
    store_code: str | UnsetType | None = UNSET
    group_code: str | UnsetType | None = UNSET
    listed: bool | UnsetType | None = UNSET


LevelRow = TypeVar("LevelRow", PriceRow, StockRow, AssortmentRow)


async def import_prices(db: Writing, rows: Sequence[PriceRow], *, now: datetime) -> list[RowOutcome]:
    """Set prices; a price is told apart by SKU, level and the moment it begins."""
    del now  # a price that names no beginning always held

    def wrong(row: PriceRow) -> Finding | None:
        if row.price < 0 or (isinstance(row.line_price, int) and row.line_price < 0):
            return refusal("price", str(row.price), reason="a price is not negative (价格为负)")
        if row.active_to and row.active_to <= (row.active_from or ALWAYS):
            return refusal(
                "active_to", row.active_to.isoformat(), reason="ends before it begins (结束早于开始)"
            )
        return None

    def values(row: PriceRow) -> dict[str, Any]:
        columns: dict[str, Any] = {"active_from": row.active_from or ALWAYS, "price_fen": row.price}
        if row.line_price is not UNSET:
            columns["line_price_fen"] = row.line_price
        if row.active_to is not UNSET:
            columns["active_to"] = row.active_to
        return columns

    return await _import(db, rows, table=PRICES, key=(*LEVEL_KEY, "active_from"), wrong=wrong, values=values)


async def import_stock(db: Writing, rows: Sequence[StockRow], *, now: datetime) -> list[RowOutcome]:
    """Set units on hand; a row of a numbered feed that is older than what is there changes nothing and is refused."""
    del now  # stock carries no time, its feed numbers do

    def wrong(row: StockRow) -> Finding | None:
        if row.on_hand < 0:
            return refusal("on_hand", str(row.on_hand), reason="fewer than no units (库存为负)")
        return None

    def values(row: StockRow) -> dict[str, Any]:
        columns: dict[str, Any] = {"on_hand": row.on_hand, "reserved": 0, "feed_sequence": 0}
        if row.feed_sequence is not UNSET:
            columns["feed_sequence"] = row.feed_sequence or 0
        return columns

    numbered = bool(rows) and rows[0].feed_sequence is not UNSET
    kept = {"level", "reserved"} if numbered else {"level", "reserved", "feed_sequence"}
    outcomes = await _import(
        db,
        rows,
        table=STOCK,
        key=LEVEL_KEY,
        wrong=wrong,
        values=values,
        insert_only=frozenset(kept),
        guard="stock.feed_sequence <= excluded.feed_sequence" if numbered else "",
    )
    return await _overtaken(db, rows, outcomes) if numbered else outcomes


async def import_assortments(
    db: Writing, rows: Sequence[AssortmentRow], *, now: datetime
) -> list[RowOutcome]:
    """Say which SKUs a level carries."""
    del now  # an assortment holds from the moment it is committed

    def values(row: AssortmentRow) -> dict[str, Any]:
        return {"listed": row.listed is UNSET or row.listed is None or row.listed}

    return await _import(db, rows, table=ASSORTMENTS, key=LEVEL_KEY, wrong=lambda _: None, values=values)


async def _import(
    db: Writing,
    rows: Sequence[LevelRow],
    *,
    table: Table,
    key: tuple[str, ...],
    wrong: Callable[[LevelRow], Finding | None],
    values: Callable[[LevelRow], dict[str, Any]],
    insert_only: frozenset[str] = frozenset({"level"}),
    guard: str = "",
) -> list[RowOutcome]:
    """Check, write and bump: the shape that all three share."""
    known = await places(db, rows)
    outcomes: list[RowOutcome] = []
    columns_of: dict[tuple[Any, ...], tuple[LevelRow, dict[str, Any]]] = {}
    for row in rows:
        found = known.wrong(row) or wrong(row)
        if found is None:
            columns = _placed(row, known) | values(row)
            this = tuple(columns[name] for name in key)
            earlier = columns_of.setdefault(this, (row, columns))[0]
            if earlier is row:
                continue
            found = refusal("sku_code", row.sku_code, reason=f"stands in row {earlier.number} already (重复)")
        outcomes.append(RowOutcome(row.number, RowState.REFUSED, (found,)))
    changed: set[tuple[Any, ...]] = set()
    for alike in _same_columns(columns for _, columns in columns_of.values()):
        changed |= await upsert_batch(db, table, rows=alike, key=key, insert_only=insert_only, guard=guard)
    for this, (row, _) in columns_of.items():
        outcomes.append(RowOutcome(row.number, RowState.IMPORTED if this in changed else RowState.UNCHANGED))
    await bump(db, {LevelId(this[1]) for this in changed})
    return outcomes


def _same_columns(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for columns in rows:
        groups.setdefault(tuple(columns), []).append(columns)
    return list(groups.values())


def _placed(row: AtLevel, known: Places) -> dict[str, Any]:
    level, level_id = known.level_of(row)
    return {"sku_id": known.skus[row.sku_code], "level_id": level_id, "level": level.value}


async def _overtaken(db: Writing, rows: Sequence[StockRow], outcomes: list[RowOutcome]) -> list[RowOutcome]:
    """Rows that changed nothing because a newer message was here first are refused, not called unchanged."""
    unchanged = {outcome.number for outcome in outcomes if outcome.state is RowState.UNCHANGED}
    if not unchanged:
        return outcomes
    known = await places(db, rows)
    newest = await _sequences(db, known)
    refused: dict[int, Finding] = {}
    for row in rows:
        if row.number not in unchanged:
            continue
        _, level_id = known.level_of(row)
        there = newest.get((known.skus[row.sku_code], level_id), 0)
        if there > (row.feed_sequence or 0):
            reason = f"older than message {there}, which was imported already (库存消息已过期)"
            refused[row.number] = refusal("feed_sequence", str(row.feed_sequence or 0), reason=reason)
    return [
        RowOutcome(outcome.number, RowState.REFUSED, (refused[outcome.number],))
        if outcome.number in refused
        else outcome
        for outcome in outcomes
    ]


async def _sequences(db: Writing, known: Places) -> dict[tuple[UUID, UUID], int]:
    levels = {known.brand, *known.stores.values(), *known.groups.values()}
    statement = STOCK.select().where(
        STOCK.c.tenant_id == db.tenant_id,
        STOCK.c.sku_id.in_(known.skus.values()),
        STOCK.c.level_id.in_(levels),
    )
    return {(row.sku_id, row.level_id): row.feed_sequence for row in await db.execute(statement)}
