"""Share a link, record a touch: the evidence that attribution will rest on.

A scene code is short and opaque; what it stands for only the server knows. A touch before log-in is kept under the visitor's
random string and finds its shopper at log-in. A guide's first touch of an unattached shopper founds their relation.
"""

from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.commands import ShareLink
from guides.errors import GuideNotHere, SceneNeedsPlace
from guides.models import Relation, SceneLink, Touch
from guides.queries import find_guide, resolve_scene, works_at
from guides.states import RelationSource, Scene
from guides.views import SceneLinkView, TouchView
from tenants.kernel.ids import GuideId, SceneLinkId, ShopperId, TouchId, new_id, random_code
from tenants.kernel.scope import Writing
from tenants.queries import store_facts

CODE_LENGTH = 11


async def share_link(db: Writing, command: ShareLink, *, created_by: str, now: datetime) -> SceneLinkView:
    """Make a link; a guide's link needs a guide who works at the store it names."""
    if command.scene is Scene.GUIDE and command.guide_id is None:
        raise SceneNeedsPlace
    if command.guide_id is not None:
        await find_guide(db, command.guide_id)
    if command.store_id is not None:
        await store_facts(db, command.store_id)
        if command.guide_id is not None and not await works_at(
            db, guide_id=command.guide_id, store_id=command.store_id, at=now
        ):
            raise GuideNotHere(guide_id=command.guide_id, store_id=command.store_id)
    code = random_code(CODE_LENGTH)
    await db.execute(
        insert(SceneLink).values(
            tenant_id=db.tenant_id,
            id=SceneLinkId(new_id()),
            code=code,
            scene=command.scene,
            store_id=command.store_id,
            guide_id=command.guide_id,
            campaign=command.campaign,
            target=command.target,
            created_by=created_by,
            created_at=now,
            expires_at=command.expires_at,
        )
    )
    return await resolve_scene(db, code, at=now)


async def record_touch(
    db: Writing,
    code: str,
    *,
    shopper_id: ShopperId | None,
    visitor: str | None,
    launch_scene: int | None,
    now: datetime,
) -> TouchView:
    """Keep a contact of a shopper (or of a visitor who has not logged in) with a link; the store and guide are the link's."""
    link = await resolve_scene(db, code, at=now)
    touch_id = TouchId(new_id())
    await db.execute(
        insert(Touch).values(
            tenant_id=db.tenant_id,
            id=touch_id,
            shopper_id=shopper_id,
            visitor=visitor,
            scene_link_id=link.id,
            scene=link.scene,
            store_id=link.store_id,
            guide_id=link.guide_id,
            campaign=link.campaign,
            launch_scene=launch_scene,
            touched_at=now,
        )
    )
    if shopper_id is not None and link.guide_id is not None:
        await found_relation(db, shopper_id, guide_id=link.guide_id, source=RelationSource.SCAN, now=now)
    return TouchView(id=touch_id, link=link)


async def recognise_visitor(db: Writing, visitor: str, *, shopper_id: ShopperId, now: datetime) -> int:
    """At log-in: give the visitor's touches to the shopper; returns how many there were."""
    recognised = await db.execute(
        update(Touch)
        .where(Touch.tenant_id == db.tenant_id, Touch.visitor == visitor, Touch.shopper_id.is_(None))
        .values(shopper_id=shopper_id)
        .returning(Touch.guide_id, Touch.touched_at)
    )
    rows = sorted(recognised.all(), key=lambda row: row.touched_at)
    first_guide = next((row.guide_id for row in rows if row.guide_id is not None), None)
    if first_guide is not None:
        await found_relation(
            db, shopper_id, guide_id=GuideId(first_guide), source=RelationSource.SCAN, now=now
        )
    return len(rows)


async def found_relation(
    db: Writing, shopper_id: ShopperId, *, guide_id: GuideId, source: RelationSource, now: datetime
) -> bool:
    """Bind a shopper to a guide unless a guide holds the relation already; False when one does. The store gives way to a guide."""
    of_store = update(Relation).where(
        Relation.tenant_id == db.tenant_id,
        Relation.shopper_id == shopper_id,
        Relation.guide_id.is_(None),
        Relation.active_to.is_(None),
        Relation.active_from <= now,
    )
    await db.execute(of_store.values(active_to=now))
    row = upsert(Relation).values(
        tenant_id=db.tenant_id,
        id=new_id(),
        shopper_id=shopper_id,
        guide_id=guide_id,
        source=source,
        active_from=now,
    )
    founded = await db.execute(row.on_conflict_do_nothing().returning(Relation.id))
    return founded.scalar_one_or_none() is not None
