"""From a level to the path that ends at it: what a change at that level has to be checked against. Reads only."""

from uuid import UUID

from tenants.errors import LevelUnknown
from tenants.kernel.ids import StoreGroupId, StoreId
from tenants.kernel.scope import Reading
from tenants.levels import Level, LevelPath, path_of
from tenants.queries import level_exists, store_facts


async def path_of_level(db: Reading, level: Level, *, level_id: UUID) -> LevelPath:
    """The path that ends at a level; LevelUnknown when this brand has no such level."""
    if level is Level.STORE and await level_exists(db, level_id) and level_id != db.tenant_id:
        return (await store_facts(db, StoreId(level_id))).path
    if level is Level.GROUP and await level_exists(db, level_id) and level_id != db.tenant_id:
        return path_of(db.tenant_id, group_id=StoreGroupId(level_id))
    if level is Level.BRAND and level_id == db.tenant_id:
        return path_of(db.tenant_id)
    raise LevelUnknown(level=level, level_id=level_id)
