"""Folding what brand, store group and store say about a page into the page that one store shows. Pure.

A level may change a component that the level above takes away, or turns into something else, a moment later; then the change is passed
over and the rest of the page stands. What an editor saves is checked strictly against the page as it is now (`problems`).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from catalog.components import Addition, Component, GoodsRef, LayerContent, Override

MOST_COMPONENTS = 60
MOST_GOODS = 300
LARGEST_LAYER = 64 * 1024
"""Bytes of one layer as JSON."""

PLAIN_HOME = msgspec.convert(
    {
        "components": [
            {"id": "search", "type": "SearchBar"},
            {"id": "store", "type": "StoreCard"},
            {"id": "newest", "type": "ProductList", "dataRef": {"by": "newest", "limit": 20}},
        ]
    },
    LayerContent,
)
"""The home page of a brand that has decorated nothing yet: it can sell all the same."""


class MergedPage(msgspec.Struct, frozen=True):
    """A page as one store shows it, before its goods are looked up."""

    title: str | None
    background: str | None
    components: list[Component]


def merged(layers: Sequence[LayerContent]) -> MergedPage:
    """Fold layers, least specific first: a level's own page, then what it removes, changes and adds."""
    title: str | None = None
    background: str | None = None
    page: list[Component] = []
    for layer in layers:
        title, background = layer.title or title, layer.background or background
        page = list(layer.components) if layer.components is not None else page
        page = [component for component in page if component.id not in layer.remove]
        page = [_changed(component, layer.override.get(component.id)) for component in page]
        for addition in layer.add:
            page = _with(page, addition)
    return MergedPage(title, background, page)


def visible(component: Component, *, at: datetime, store_open: bool | None) -> bool:
    """Whether a component shows now; a store whose hours are unknown counts neither as open nor as closed."""
    when = component.visible_when
    if when is None:
        return True
    in_time = (when.active_from is None or when.active_from <= at) and (
        when.active_to is None or at < when.active_to
    )
    return in_time and (when.store_open is None or when.store_open == store_open)


def problems(inherited: Sequence[LayerContent], content: LayerContent) -> dict[str, str]:
    """What is wrong with a layer on top of those it inherits from: input path -> why. Empty when nothing is."""
    below = merged(inherited).components if content.components is None else content.components
    known = {component.id: component for component in below}
    found = _repeated(content)
    found |= {
        f"remove[{at}]": "no such component"
        for at, component_id in enumerate(content.remove)
        if component_id not in known
    }
    for component_id, override in content.override.items():
        if component_id not in known:
            found[f"override.{component_id}"] = "no such component"
            continue
        try:
            _patched(known[component_id], override)
        except msgspec.ValidationError as error:
            found[f"override.{component_id}"] = str(error)[:200]
    places = set(known) - set(content.remove)
    for at, addition in enumerate(content.add):
        if addition.after is not None and addition.after not in places:
            found[f"add[{at}].after"] = "no such component"
        places.add(addition.component.id)
    return found | _too_much(merged([*inherited, content]).components, content)


def _repeated(content: LayerContent) -> dict[str, str]:
    ids = [component.id for component in content.components or ()]
    ids += [addition.component.id for addition in content.add]
    return {each: "two components have this id" for each, times in Counter(ids).items() if times > 1}


def _too_much(page: Sequence[Component], content: LayerContent) -> dict[str, str]:
    found = {}
    goods = [component.data_ref for component in page if component.data_ref is not None]
    if len(page) > MOST_COMPONENTS:
        found["components"] = f"a page holds at most {MOST_COMPONENTS} components"
    if sum(_goods(ref) for ref in goods) > MOST_GOODS:
        found["dataRef"] = f"a page shows at most {MOST_GOODS} products"
    if len(msgspec.json.encode(content)) > LARGEST_LAYER:
        found["content"] = f"a layer takes at most {LARGEST_LAYER} bytes"
    return found | {
        f"{component.id}.dataRef.{component.data_ref.by}": "is missing"
        for component in page
        if component.data_ref is not None and not _complete(component.data_ref)
    }


def _goods(ref: GoodsRef) -> int:
    return min(ref.limit, len(ref.ids)) if ref.by == "ids" else ref.limit


def _complete(ref: GoodsRef) -> bool:
    return bool({"ids": ref.ids, "tag": ref.tag, "category": ref.category, "newest": True}[ref.by])


def _changed(component: Component, override: Override | None) -> Component:
    if override is None:
        return component
    try:
        return _patched(component, override)
    except msgspec.ValidationError:
        # The level above has since turned this component into something that the change does not fit.
        return component


def _patched(component: Component, override: Override) -> Component:
    plain: dict[str, Any] = msgspec.to_builtins(component)
    plain["props"] = plain.get("props", {}) | override.props
    if override.data_ref is not None:
        plain["dataRef"] = msgspec.to_builtins(override.data_ref)
    if override.visible_when is not None:
        plain["visibleWhen"] = msgspec.to_builtins(override.visible_when)
    patched: Component = msgspec.convert(plain, Component)
    return patched


def _with(page: list[Component], addition: Addition) -> list[Component]:
    ids = [component.id for component in page]
    own = addition.component
    if own.id in ids:
        return [own if component.id == own.id else component for component in page]
    if addition.after is None:
        return [own, *page]
    place = ids.index(addition.after) + 1 if addition.after in ids else len(page)
    return [*page[:place], own, *page[place:]]
