"""Pages (装修): save a draft, publish it, schedule it, take it down, look at it beforehand.

One level says one thing about one page at a time; every version is kept. What a page shows to whom is `faces`; who may change which
level is the roof's question.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from catalog.commands import SaveDraft
from catalog.components import LayerContent
from catalog.errors import PageEditedMeanwhile, PageInvalid, PageStateForbids, PublishTimePassed
from catalog.layers import problems
from catalog.level_paths import path_of_level
from catalog.models import PageLayer
from catalog.page_queries import BUILT_IN, PageVersion, layers_shown, page_version, shown
from catalog.states import PageState
from catalog.versions import bump
from tenants.kernel.ids import LevelId, PageId, new_id
from tenants.kernel.scope import Writing
from tenants.levels import Level, LevelPath

SHOWABLE = (PageState.DRAFT, PageState.SCHEDULED, PageState.RETIRED)
"""From where a version may be published or scheduled; from RETIRED, that is how an earlier face comes back."""
STANDING = (PageState.SCHEDULED, PageState.PUBLISHED)
"""What can be taken down."""


async def save_draft(
    db: Writing,
    command: SaveDraft,
    *,
    page_key: str,
    level: Level,
    level_id: LevelId,
    by: str,
    now: datetime,
) -> PageVersion:
    """Keep a new version, or rewrite the latest one while it is still a draft; refuses what does not fit the page as it is now."""
    path = await path_of_level(db, level, level_id=level_id)
    await _check(db, command.content, path=path, page_key=page_key, now=now)
    latest = await _latest(db, page_key=page_key, level_id=level_id)
    version = latest.version if latest else 0
    if command.base_version is not None and command.base_version != version:
        raise PageEditedMeanwhile(page_key=page_key, version=version)
    content: dict[str, Any] = msgspec.to_builtins(command.content)
    if latest is not None and latest.state == PageState.DRAFT:
        return await _change(
            db, latest.id, (PageState.DRAFT,), content=content, created_by=by, created_at=now
        )
    row = {
        "tenant_id": db.tenant_id, "id": PageId(new_id()), "page_key": page_key, "level": level.value,
        "level_id": level_id, "version": version + 1, "state": PageState.DRAFT.value, "content": content,
        "publish_at": None, "created_by": by, "created_at": now,
    }  # fmt: skip
    kept = await db.execute(upsert(PageLayer).values(**row).on_conflict_do_nothing().returning(PageLayer))
    saved = kept.scalar_one_or_none()
    if saved is None:
        raise PageEditedMeanwhile(page_key=page_key, version=version + 1)
    return shown(saved)


async def publish(
    db: Writing, *, page_key: str, level: Level, level_id: LevelId, version: int, now: datetime
) -> PageVersion:
    """Show a version from now on; what this level showed until now is retired. Versions scheduled for later stay scheduled."""
    found = await _showable(db, page_key=page_key, level=level, level_id=level_id, version=version, now=now)
    await db.execute(
        update(PageLayer)
        .where(
            PageLayer.tenant_id == db.tenant_id,
            PageLayer.page_key == page_key,
            PageLayer.level_id == level_id,
            PageLayer.state.in_(STANDING),
            PageLayer.publish_at <= now,
            PageLayer.id != found.id,
        )
        .values(state=PageState.RETIRED)
    )
    published = await _change(db, found.id, SHOWABLE, state=PageState.PUBLISHED, publish_at=now)
    await bump(db, [level_id])
    return published


async def schedule(
    db: Writing,
    *,
    page_key: str,
    level: Level,
    level_id: LevelId,
    version: int,
    publish_at: datetime,
    now: datetime,
) -> PageVersion:
    """Show a version from `publish_at` on: the query that reads pages looks at the time, so nothing has to run then."""
    if publish_at <= now:
        raise PublishTimePassed(page_key=page_key, version=version)
    found = await _showable(db, page_key=page_key, level=level, level_id=level_id, version=version, now=now)
    scheduled = await _change(db, found.id, SHOWABLE, state=PageState.SCHEDULED, publish_at=publish_at)
    await bump(db, [level_id])
    return scheduled


async def retire(db: Writing, *, page_key: str, level: Level, level_id: LevelId, version: int) -> PageVersion:
    """Take a published or scheduled version down; the level then says nothing, and inherits."""
    await path_of_level(db, level, level_id=level_id)
    found = await page_version(db, page_key=page_key, level_id=level_id, version=version)
    retired = await _change(db, found.id, STANDING, state=PageState.RETIRED)
    await bump(db, [level_id])
    return retired


async def _showable(
    db: Writing, *, page_key: str, level: Level, level_id: LevelId, version: int, now: datetime
) -> PageVersion:
    """The version, checked again: the levels above may have changed since it was saved."""
    path = await path_of_level(db, level, level_id=level_id)
    found = await page_version(db, page_key=page_key, level_id=level_id, version=version)
    await _check(db, found.content, path=path, page_key=page_key, now=now)
    return found


async def _check(
    db: Writing, content: LayerContent, *, path: LevelPath, page_key: str, now: datetime
) -> None:
    *above, _ = path.ids()
    inherited = [BUILT_IN[page_key]] if page_key in BUILT_IN else []
    if above:
        shown_above = await layers_shown(db, path=LevelPath(*above), page_key=page_key, at=now)
        inherited += [shown_above[level_id] for level_id in above if level_id in shown_above]
    wrong = problems(inherited, content)
    if wrong:
        raise PageInvalid(details=wrong, page_key=page_key)


async def _latest(db: Writing, *, page_key: str, level_id: LevelId) -> Any:
    newest = select(func.max(PageLayer.version)).where(
        PageLayer.tenant_id == db.tenant_id, PageLayer.page_key == page_key, PageLayer.level_id == level_id
    )
    statement = select(PageLayer.id, PageLayer.version, PageLayer.state).where(
        PageLayer.tenant_id == db.tenant_id,
        PageLayer.page_key == page_key,
        PageLayer.level_id == level_id,
        PageLayer.version == newest.scalar_subquery(),
    )
    return (await db.execute(statement)).one_or_none()


async def _change(db: Writing, page_id: PageId, states: tuple[PageState, ...], **values: Any) -> PageVersion:
    """Change a version that is in one of these states; the states stand in the WHERE, so two editors cannot pass each other."""
    statement = (
        update(PageLayer)
        .where(PageLayer.tenant_id == db.tenant_id, PageLayer.id == page_id, PageLayer.state.in_(states))
        .values(**values)
        .returning(PageLayer)
        .execution_options(populate_existing=True)
    )
    changed = (await db.execute(statement)).scalar_one_or_none()
    if changed is None:
        raise PageStateForbids(page_id=page_id)
    return shown(changed)
