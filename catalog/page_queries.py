"""Every read of page layers: the ones shown at a time, the versions of one level.

A scheduled layer counts as shown from its time on, by this query alone: no job has to wake up for it.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, text

from catalog.components import LayerContent
from catalog.errors import PageNotFound
from catalog.layers import PLAIN_HOME
from catalog.models import PageLayer
from catalog.states import PageState
from tenants.kernel.ids import LevelId, PageId
from tenants.kernel.scope import Reading
from tenants.levels import Level, LevelPath

HOME = "home"
BUILT_IN = {HOME: PLAIN_HOME}
MOST_VERSIONS = 50


class PageVersion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One version of what one level says about a page."""

    id: PageId
    page_key: str
    level: Level
    level_id: LevelId
    version: int
    state: PageState
    publish_at: datetime | None
    created_by: str
    created_at: datetime
    content: LayerContent


_SHOWN = text("""
SELECT DISTINCT ON (l.level_id) l.level_id, l.content FROM app.page_layers l
WHERE l.tenant_id = :tenant_id AND l.page_key = :page_key AND l.level_id = ANY(CAST(:path AS uuid[]))
  AND l.state IN ('published', 'scheduled') AND l.publish_at <= :at
ORDER BY l.level_id, l.publish_at DESC, l.version DESC
""")


async def layers_shown(
    db: Reading, *, path: LevelPath, page_key: str, at: datetime
) -> dict[LevelId, LayerContent]:
    """What each level on the path says about a page at a time; a level that says nothing is absent."""
    given = {"tenant_id": db.tenant_id, "page_key": page_key, "path": path.ids(), "at": at}
    rows = await db.execute(_SHOWN, given)
    return {LevelId(row.level_id): msgspec.convert(row.content, LayerContent) for row in rows}


def stacked(layers: dict[LevelId, LayerContent], *, path: LevelPath, page_key: str) -> list[LayerContent]:
    """The layers from brand to store over the built-in page, if there is one; PageNotFound when nobody says anything."""
    said = [layers[level_id] for level_id in path.ids() if level_id in layers]
    built_in = BUILT_IN.get(page_key)
    if built_in is not None:
        return [built_in, *said]
    if not said:
        raise PageNotFound(page_key=page_key)
    return said


async def page_version(db: Reading, *, page_key: str, level_id: LevelId, version: int) -> PageVersion:
    """One version of a page at one level."""
    statement = select(PageLayer).where(*_of(db, page_key, level_id), PageLayer.version == version)
    row = (await db.execute(statement)).scalar_one_or_none()
    if row is None:
        raise PageNotFound(page_key=page_key, version=version)
    return shown(row)


async def page_versions(db: Reading, *, page_key: str, level_id: LevelId) -> list[PageVersion]:
    """The latest versions of a page at one level, newest first."""
    statement = (
        select(PageLayer)
        .where(*_of(db, page_key, level_id))
        .order_by(PageLayer.version.desc())
        .limit(MOST_VERSIONS)
    )
    return [shown(row) for row in (await db.execute(statement)).scalars()]


def shown(row: PageLayer) -> PageVersion:
    """Show a row."""
    return PageVersion(
        id=PageId(row.id),
        page_key=row.page_key,
        level=Level(row.level),
        level_id=LevelId(row.level_id),
        version=row.version,
        state=PageState(row.state),
        publish_at=row.publish_at,
        created_by=row.created_by,
        created_at=row.created_at,
        content=msgspec.convert(row.content, LayerContent),
    )


def _of(db: Reading, page_key: str, level_id: LevelId) -> tuple[Any, ...]:
    return (
        PageLayer.tenant_id == db.tenant_id,
        PageLayer.page_key == page_key,
        PageLayer.level_id == level_id,
    )
