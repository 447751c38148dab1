"""Drafts, publishing, schedules and previews of a level's page."""

from datetime import timedelta

import msgspec
import pytest

from catalog.commands import SaveDraft
from catalog.components import LayerContent
from catalog.errors import PageEditedMeanwhile, PageInvalid, PageNotFound, PageStateForbids, PublishTimePassed
from catalog.faces import home, page, preview
from catalog.page_queries import page_versions
from catalog.pages import publish, retire, save_draft, schedule
from catalog.states import PageState
from catalog.versions import face_version
from tenants.errors import LevelUnknown
from tenants.kernel.ids import LevelId, new_id
from tenants.levels import Level, path_of
from tests.support.shop import add_category, add_group, add_product, add_store, level_of, say, sell

HOUR = timedelta(hours=1)


def layer(**content):
    return msgspec.convert(content, LayerContent)


def title(name, text):
    return {"id": name, "type": "TitleBar", "props": {"title": text}}


class Editor:
    """One level's editor."""

    def __init__(self, db, now, level=Level.BRAND, level_id=None, page_key="home"):
        self.db, self.now = db, now
        self.place = {"page_key": page_key, "level": level, "level_id": LevelId(level_id or db.tenant_id)}

    async def save(self, base_version=None, **content):
        command = SaveDraft(content=layer(**content), base_version=base_version)
        return await save_draft(self.db, command, **self.place, by="staff:1", now=self.now)

    async def show(self, *, at=None, **content):
        saved = await self.save(**content)
        return await publish(self.db, **self.place, version=saved.version, now=at or self.now)


async def titles(db, now, store=None):
    view = await home(db, store_id=store.id if store else None, now=now)
    return [component.props.get("title") for component in view.page.components]


async def test_a_brand_that_decorated_nothing_sells_all_the_same(db, now):
    product = await sell(db, await add_product(db))
    view = await home(db, store_id=None, now=now)
    assert view.store is None
    assert [each.type for each in view.page.components] == ["SearchBar", "StoreCard", "ProductList"]
    assert [each.spu_id for each in view.page.components[-1].items] == [product.id]


async def test_stores_inherit_and_differ(db, now):
    group = await add_group(db)
    plain, own = await add_store(db), await add_store(db, group=group)
    await Editor(db, now).show(components=[title("top", "春序"), title("end", "再见")])
    await Editor(db, now, Level.GROUP, group).show(remove=["end"])
    await Editor(db, now, Level.STORE, own.id).show(override={"top": {"props": {"title": "淮海路"}}})
    assert await titles(db, now, plain) == ["春序", "再见"]
    assert await titles(db, now, own) == ["淮海路"]


async def test_a_draft_is_seen_in_a_preview_and_nowhere_else(db, now):
    store = await add_store(db)
    await Editor(db, now).show(components=[title("top", "春序")])
    editor = Editor(db, now, Level.STORE, store.id)
    draft = await editor.save(override={"top": {"props": {"title": "草稿"}}})
    assert await titles(db, now, store) == ["春序"]
    seen = await preview(
        db, store_id=store.id, page_key="home", level_id=level_of(store), version=draft.version, at=now
    )
    assert seen.components[0].props["title"] == "草稿"


async def test_a_scheduled_page_appears_at_its_time_without_anybody_doing_anything(db, now):
    editor = Editor(db, now)
    await editor.show(components=[title("top", "平日")])
    saved = await editor.save(components=[title("top", "双十一")])
    planned = await schedule(db, **editor.place, version=saved.version, publish_at=now + HOUR, now=now)
    assert planned.state is PageState.SCHEDULED
    assert await titles(db, now) == ["平日"]
    assert await titles(db, now + HOUR) == ["双十一"]


async def test_publishing_retires_what_was_shown_and_keeps_what_is_planned(db, now):
    editor = Editor(db, now)
    await editor.show(components=[title("top", "一")])
    later = await editor.save(components=[title("top", "三")])
    await schedule(db, **editor.place, version=later.version, publish_at=now + HOUR, now=now)
    await editor.show(components=[title("top", "二")])
    states = [each.state for each in await page_versions(db, page_key="home", level_id=LevelId(db.tenant_id))]
    assert states == [PageState.PUBLISHED, PageState.SCHEDULED, PageState.RETIRED]
    assert await titles(db, now) == ["二"]
    assert await titles(db, now + HOUR) == ["三"]


async def test_a_retired_page_gives_the_word_back_and_can_return(db, now):
    store = await add_store(db)
    await Editor(db, now).show(components=[title("top", "春序")])
    editor = Editor(db, now, Level.STORE, store.id)
    shown = await editor.show(override={"top": {"props": {"title": "本店"}}})
    await retire(db, **editor.place, version=shown.version)
    assert await titles(db, now, store) == ["春序"]
    await publish(db, **editor.place, version=shown.version, now=now)
    assert await titles(db, now, store) == ["本店"]


async def test_transitions_that_are_forbidden_are_refused(db, now):
    editor = Editor(db, now)
    draft = await editor.save(components=[])
    with pytest.raises(PageStateForbids):
        await retire(db, **editor.place, version=draft.version)
    shown = await publish(db, **editor.place, version=draft.version, now=now)
    with pytest.raises(PageStateForbids):
        await publish(db, **editor.place, version=shown.version, now=now)
    with pytest.raises(PageStateForbids):
        await schedule(db, **editor.place, version=shown.version, publish_at=now + HOUR, now=now)
    with pytest.raises(PublishTimePassed):
        await schedule(db, **editor.place, version=shown.version, publish_at=now, now=now)
    with pytest.raises(PageNotFound):
        await publish(db, **editor.place, version=99, now=now)


async def test_saving_again_rewrites_the_draft_and_never_what_was_shown(db, now):
    editor = Editor(db, now)
    first = await editor.save(components=[title("top", "一")])
    again = await editor.save(components=[title("top", "二")])
    assert (first.version, again.version) == (1, 1)
    await publish(db, **editor.place, version=1, now=now)
    assert (await editor.save(components=[])).version == 2
    assert await titles(db, now) == ["二"]


async def test_two_editors_do_not_overwrite_each_other(db, now):
    editor = Editor(db, now)
    await editor.show(components=[])
    await editor.save(base_version=1, components=[title("top", "甲")])
    with pytest.raises(PageEditedMeanwhile):
        await editor.save(base_version=1, components=[title("top", "乙")])


async def test_a_change_to_nothing_is_refused_with_its_place(db, now):
    store = await add_store(db)
    await Editor(db, now).show(components=[title("top", "春序")])
    with pytest.raises(PageInvalid) as refused:
        await Editor(db, now, Level.STORE, store.id).save(override={"gone": {"props": {}}})
    assert refused.value.details == {"override.gone": "no such component"}


async def test_levels_that_are_not_this_brands_do_not_exist(db, now, other_tenant):
    async with other_tenant.writing() as theirs:
        foreign = await add_store(theirs)
    for level, level_id in (
        (Level.STORE, foreign.id), (Level.STORE, db.tenant_id), (Level.GROUP, new_id()), (Level.BRAND, new_id()),
        (Level.BRAND, other_tenant.tenant_id),
    ):  # fmt: skip
        with pytest.raises(LevelUnknown):
            await Editor(db, now, level, level_id).save(components=[])


async def test_one_template_shows_each_store_its_own_goods(db, now):
    coats = await add_category(db, "外套")
    trench = await add_category(db, "风衣", parent=coats)
    here, there = await add_store(db), await add_store(db)
    shared = await sell(db, await add_product(db, "甲", category_id=trench, tags=["新品"], position=1))
    local = await add_product(db, "乙", category_id=coats, position=2)
    await say(db, local.sku, here.id, listed=True, price=100, stock=1)
    refs = [
        {"by": "newest", "limit": 5}, {"by": "tag", "tag": "新品"}, {"by": "category", "category": "外套"},
        {"by": "ids", "ids": [str(local.id), str(shared.id)]}, {"by": "category", "category": "没有"},
    ]  # fmt: skip
    components = [{"id": f"g{at}", "type": "ProductList", "dataRef": ref} for at, ref in enumerate(refs)]
    await Editor(db, now).show(components=components)

    async def shown(store):
        view = await home(db, store_id=store.id, now=now)
        return ["".join(item.title for item in component.items) for component in view.page.components]

    assert await shown(here) == ["乙甲", "甲", "甲乙", "乙甲", ""]
    assert await shown(there) == ["甲", "甲", "甲", "甲", ""]


async def test_a_face_changes_when_its_page_does(db, now):
    store = await add_store(db)
    before = await face_version(db, store.path)
    await Editor(db, now).save(components=[])
    assert await face_version(db, store.path) == before, "a draft is nobody's face"
    await Editor(db, now).show(components=[])
    assert await face_version(db, store.path) != before
    assert await face_version(db, path_of(db.tenant_id)) != "0"


async def test_other_pages_exist_once_somebody_made_them(db, now):
    store = await add_store(db)
    with pytest.raises(PageNotFound):
        await page(db, store_id=store.id, page_key="sale", now=now)
    await Editor(db, now, Level.STORE, store.id, page_key="sale").show(components=[title("top", "特卖")])
    found = await page(db, store_id=store.id, page_key="sale", now=now)
    assert found.components[0].props["title"] == "特卖"
    with pytest.raises(PageNotFound):
        await page(db, store_id=None, page_key="sale", now=now)
