"""Range a store (货盘): which SKUs a level carries, which it does not, and on which it leaves the word to the level above."""

from sqlalchemy import text

from catalog.commands import SetAssortment
from catalog.level_paths import path_of_level
from catalog.price import LevelChanged, refuse_unknown_skus
from catalog.versions import bump
from tenants.kernel.scope import Writing

_WRITE = text("""
INSERT INTO app.assortments (tenant_id, sku_id, level_id, level, listed)
SELECT :tenant_id, a.sku_id, :level_id, :level, a.listed
FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:listed AS boolean[])) AS a (sku_id, listed)
ORDER BY a.sku_id
ON CONFLICT (tenant_id, sku_id, level_id) DO UPDATE SET listed = excluded.listed
RETURNING sku_id
""")
_INHERIT = text("""
DELETE FROM app.assortments a
WHERE a.tenant_id = :tenant_id AND a.level_id = :level_id AND a.sku_id = ANY(CAST(:sku_ids AS uuid[]))
RETURNING a.sku_id
""")


async def set_assortment(db: Writing, command: SetAssortment) -> LevelChanged:
    """Leave to the level above, then carry and drop; a SKU named twice is dropped rather than carried. SkuNotFound names unknown ids."""
    await path_of_level(db, command.level, level_id=command.level_id)
    listed = dict.fromkeys(command.carry, True) | dict.fromkeys(command.drop, False)
    await refuse_unknown_skus(db, [*listed, *command.inherit])
    place = {"tenant_id": db.tenant_id, "level_id": command.level_id}
    inherited = (await db.execute(_INHERIT, place | {"sku_ids": command.inherit})).all()
    row = {"level": command.level.value, "sku_ids": list(listed), "listed": list(listed.values())}
    written = (await db.execute(_WRITE, place | row)).all()
    if written or inherited:
        await bump(db, [command.level_id])
    return LevelChanged(written=len(written), withdrawn=len(inherited))
