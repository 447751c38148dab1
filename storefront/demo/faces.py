"""The demonstration's pages: each brand's own home, and what the pop-up, the mall store and the late store change on it."""

from datetime import datetime
from typing import Any

import msgspec

from catalog.commands import SaveDraft
from catalog.components import LayerContent
from catalog.pages import publish, save_draft
from storefront.demo.people import store_ids
from storefront.demo.shapes import DemoBrand
from tenants.kernel.ids import LevelId
from tenants.kernel.scope import Writing
from tenants.levels import Level

HOME = "home"


def _goods(component: str, title: str, **ref: Any) -> dict[str, Any]:
    return {
        "id": component,
        "type": "ProductList",
        "dataRef": {"kind": "goods", **ref},
        "props": {"title": title},
    }


def _notice(text: str) -> dict[str, Any]:
    return {"id": "notice", "type": "NoticeBar", "props": {"text": text}}


WARDROBE: dict[str, Any] = {
    "title": "示例衣橱",
    "background": "#F6F1EA",
    "components": [
        {"id": "search", "type": "SearchBar", "props": {"placeholder": "搜一搜：风衣、针织、牛仔"}},
        _notice("秋冬新品已到店，线上下单门店自提"),
        {"id": "store", "type": "StoreCard"},
        {"id": "guide", "type": "GuideCard"},
        {
            "id": "menu",
            "type": "MenuGrid",
            "props": {
                "entries": [
                    {"title": "外套", "link": "pages/list?category=coats"},
                    {"title": "针织", "link": "pages/list?category=knitwear"},
                    {"title": "裙装", "link": "pages/list?category=dresses"},
                    {"title": "配饰", "link": "pages/list?category=accessories"},
                ]
            },
        },
        _goods("new", "本周新品", by="tag", tag="new", limit=6),
        _goods("best", "大家都在买", by="tag", tag="bestseller", limit=8),
    ],
}
TEAHOUSE: dict[str, Any] = {
    "title": "样板茶铺",
    "background": "#EAF3EA",
    "components": [
        {"id": "store", "type": "StoreCard"},
        _notice("现萃好茶，到店十分钟可取"),
        _goods("drinks", "现制茶饮", by="category", category="drinks", limit=12),
        {"id": "line", "type": "Divider"},
        _goods("gifts", "伴手礼", by="tag", tag="gift", limit=6),
    ],
}
LAYERS: dict[str, dict[str, dict[str, Any]]] = {
    "demo-wardrobe": {
        "POP1": {
            "title": "秋日快闪",
            "background": "#FBE3C8",
            "remove": ["menu", "best"],
            "override": {"notice": {"props": {"text": "快闪限定九折，仅限展期"}}},
            "add": [
                {"after": "new", "component": _goods("gifts", "快闪伴手礼", by="tag", tag="gift", limit=6)}
            ],
        },
        "SH02": {
            "override": {"notice": {"props": {"text": "示例广场会员可在商场服务台累计积分"}}},
            "remove": ["guide"],
        },
    },
    "demo-teahouse": {
        "T-SH03": {
            "title": "深夜茶铺",
            "background": "#1F2A38",
            "override": {"notice": {"props": {"text": "营业至凌晨三点，夜归人的一杯热茶"}}},
            "remove": ["gifts"],
        },
    },
}
OWN_PAGES = {"demo-wardrobe": WARDROBE, "demo-teahouse": TEAHOUSE}


async def decorate(db: Writing, brand: DemoBrand, *, created_by: str, now: datetime) -> None:
    """Publish the brand's home page and the stores' layers on it."""
    places = await store_ids(db)
    await _show(
        db, OWN_PAGES[brand.code], level=Level.BRAND, level_id=LevelId(db.tenant_id), by=created_by, now=now
    )
    for code, layer in LAYERS[brand.code].items():
        await _show(db, layer, level=Level.STORE, level_id=LevelId(places[code]), by=created_by, now=now)


async def _show(
    db: Writing, content: dict[str, Any], *, level: Level, level_id: LevelId, by: str, now: datetime
) -> None:
    command = SaveDraft(content=msgspec.convert(content, LayerContent))
    saved = await save_draft(db, command, page_key=HOME, level=level, level_id=level_id, by=by, now=now)
    await publish(db, page_key=HOME, level=level, level_id=level_id, version=saved.version, now=now)
