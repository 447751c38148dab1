"""Set prices at one level, or take them away so that the level above is heard again. A brand's price is one row, whatever the number of stores."""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import text

from catalog.commands import PriceChange, SetPrices
from catalog.errors import PricePeriodEmpty, SkuNotFound
from catalog.level_paths import path_of_level
from catalog.versions import bump
from tenants.kernel.ids import SkuId
from tenants.kernel.scope import Reading, Writing

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a standing price holds: one that names no beginning."""


class LevelChanged(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many rows of one level were written and taken away; no other level's row was touched."""

    written: int
    withdrawn: int


_WRITE = text("""
INSERT INTO app.prices (tenant_id, sku_id, level_id, level, active_from, active_to, price_fen, line_price_fen,
                        promotion_code)
SELECT :tenant_id, p.sku_id, :level_id, :level, p.active_from, p.active_to, p.price_fen, p.line_price_fen, p.promotion_code
FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]),
            CAST(:prices AS bigint[]), CAST(:line_prices AS bigint[]), CAST(:promotions AS text[]))
  AS p (sku_id, active_from, active_to, price_fen, line_price_fen, promotion_code)
ORDER BY p.sku_id, p.active_from
ON CONFLICT (tenant_id, sku_id, level_id, active_from) DO UPDATE
SET active_to = excluded.active_to, price_fen = excluded.price_fen, line_price_fen = excluded.line_price_fen,
    promotion_code = excluded.promotion_code
RETURNING sku_id
""")
_WITHDRAW = text("""
DELETE FROM app.prices p
WHERE p.tenant_id = :tenant_id AND p.level_id = :level_id AND p.sku_id = ANY(CAST(:sku_ids AS uuid[]))
RETURNING p.sku_id
""")
_KNOWN = text(
    "SELECT s.id FROM app.skus s WHERE s.tenant_id = :tenant_id AND s.id = ANY(CAST(:sku_ids AS uuid[]))"
)


async def set_prices(db: Writing, command: SetPrices) -> LevelChanged:
    """Withdraw, then write. A price of the same SKU, level and beginning is replaced; SkuNotFound names every id that no SKU has."""
    await path_of_level(db, command.level, level_id=command.level_id)
    changes = {(change.sku_id, change.active_from or ALWAYS): change for change in command.prices}
    empty = [change for change in changes.values() if not _has_time(change)]
    if empty:
        raise PricePeriodEmpty(sku_id=empty[0].sku_id)
    await refuse_unknown_skus(db, [*(sku_id for sku_id, _ in changes), *command.withdraw])
    place = {"tenant_id": db.tenant_id, "level_id": command.level_id}
    withdrawn = (await db.execute(_WITHDRAW, place | {"sku_ids": command.withdraw})).all()
    row = {
        "level": command.level.value,
        "sku_ids": [sku_id for sku_id, _ in changes],
        "begins": [begins for _, begins in changes],
        "ends": [change.active_to for change in changes.values()],
        "prices": [change.price_fen for change in changes.values()],
        "line_prices": [change.line_price_fen for change in changes.values()],
        "promotions": [change.promotion_code for change in changes.values()],
    }
    written = (await db.execute(_WRITE, place | row)).all()
    if written or withdrawn:
        await bump(db, [command.level_id])
    return LevelChanged(written=len(written), withdrawn=len(withdrawn))


async def refuse_unknown_skus(db: Reading, sku_ids: list[SkuId]) -> None:
    """Raise SkuNotFound when any of these ids is no SKU of this brand."""
    found = await db.execute(_KNOWN, {"tenant_id": db.tenant_id, "sku_ids": sku_ids})
    unknown = set(sku_ids) - {row.id for row in found}
    if unknown:
        raise SkuNotFound(details={str(sku_id): "no such SKU" for sku_id in sorted(unknown)[:20]})


def _has_time(change: PriceChange) -> bool:
    return change.active_to is None or (change.active_from or ALWAYS) < change.active_to
