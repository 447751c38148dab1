"""Face versions: how a reader learns, without reading a face again, that a face has changed.

A level's version is bumped in the transaction that changes what that level says (assortment, price, page, stock level, product); a
store's face has changed when any level on its path has. Time alone changes faces too (a price begins, a page is due, doors open):
who keeps bytes must also let them grow old.
"""

from collections.abc import Iterable

from sqlalchemy import text

from tenants.kernel.ids import LevelId
from tenants.kernel.scope import Reading, Writing
from tenants.levels import LevelPath


async def bump(db: Writing, level_ids: Iterable[LevelId]) -> None:
    """Say that these levels' faces have changed. Call it last: the rows are hot, and are then locked for the shortest time."""
    wanted = sorted(set(level_ids))
    if not wanted:
        return
    await db.execute(
        text(
            "INSERT INTO app.face_versions (tenant_id, level_id, version)"
            " SELECT :tenant_id, changed.level_id, 1 FROM unnest(CAST(:level_ids AS uuid[])) AS changed (level_id)"
            " ON CONFLICT (tenant_id, level_id) DO UPDATE SET version = face_versions.version + 1"
        ),
        {"tenant_id": db.tenant_id, "level_ids": wanted},
    )


async def face_version(db: Reading, path: LevelPath) -> str:
    """The version of a store's whole face: those of its levels from brand to store, joined with dots."""
    found = await db.execute(
        text(
            "SELECT level_id, version FROM app.face_versions"
            " WHERE tenant_id = :tenant_id AND level_id = ANY(CAST(:level_ids AS uuid[]))"
        ),
        {"tenant_id": db.tenant_id, "level_ids": path.ids()},
    )
    versions = {row.level_id: row.version for row in found}
    return ".".join(str(versions.get(level_id, 0)) for level_id in path.ids())
