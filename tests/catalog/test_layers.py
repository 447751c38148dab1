"""What brand, group and store say about a page folds into one page."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from catalog.components import LayerContent
from catalog.layers import merged, problems, visible

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)


def layer(**content):
    return msgspec.convert(content, LayerContent)


def title(name, text="新品"):
    return {"id": name, "type": "TitleBar", "props": {"title": text}}


def goods(name, limit=4, **more):
    return {"id": name, "type": "ProductList", "dataRef": {"by": "newest", "limit": limit}} | more


def ids(*layers):
    return [component.id for component in merged(layers).components]


BRAND = layer(title="春序", components=[title("top"), goods("new"), title("end", "再见")])


def test_a_level_that_says_nothing_changes_nothing():
    assert merged([BRAND, layer()]) == merged([BRAND])


def test_an_override_changes_one_prop_of_one_component():
    page = merged([BRAND, layer(override={"top": {"props": {"subtitle": "淮海路"}}})])
    assert (page.components[0].props.title, page.components[0].props.subtitle) == ("新品", "淮海路")
    assert page.components[1:] == merged([BRAND]).components[1:]


def test_the_store_has_the_last_word_over_the_group():
    group = layer(override={"top": {"props": {"title": "华东"}}}, remove=["end"])
    store = layer(override={"top": {"props": {"title": "淮海路"}}})
    page = merged([BRAND, group, store])
    assert page.components[0].props.title == "淮海路"
    assert ids(BRAND, group, store) == ["top", "new"]


def test_additions_stand_where_they_were_put():
    store = layer(
        add=[
            {"after": "top", "component": title("b")},
            {"after": None, "component": title("a")},
            {"after": "b", "component": title("c")},
        ]
    )
    assert ids(BRAND, store) == ["a", "top", "b", "c", "new", "end"]


def test_a_page_of_ones_own_replaces_the_inherited_one():
    assert ids(BRAND, layer(components=[title("mine")])) == ["mine"]


def test_a_change_to_what_the_brand_took_away_is_passed_over():
    store = layer(
        override={"gone": {"props": {"title": "x"}}},
        remove=["lost"],
        add=[{"after": "gone", "component": title("a")}],
    )
    assert ids(BRAND, store) == ["top", "new", "end", "a"]


def test_a_change_that_no_longer_fits_leaves_the_brands_component_as_it_is():
    brand = layer(components=[{"id": "top", "type": "Divider"}])
    store = layer(override={"top": {"props": {"title": "x"}}})
    assert merged([brand, store]) == merged([brand])


def test_an_addition_that_the_brand_has_since_made_itself_stands_in_its_place():
    page = merged([BRAND, layer(add=[{"after": "end", "component": title("new", "本店新品")}])])
    assert [component.id for component in page.components] == ["top", "new", "end"]
    assert page.components[1].props.title == "本店新品"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"override": {"gone": {"props": {}}}}, "override.gone"),
        ({"override": {"top": {"props": {"colour": "red"}}}}, "override.top"),
        ({"override": {"top": {"props": {"link": "javascript:alert(1)"}}}}, "override.top"),
        ({"remove": ["gone"]}, "remove[0]"),
        ({"add": [{"after": "gone", "component": title("a")}]}, "add[0].after"),
        ({"add": [{"after": None, "component": title("a")}, {"after": None, "component": title("a")}]}, "a"),
        ({"components": [title("a"), title("a")]}, "a"),
        ({"components": [goods(f"g{number}", limit=50) for number in range(7)]}, "dataRef"),
        ({"components": [title(f"t{number}") for number in range(60)], "add": [{"after": None, "component": title("x")}]}, "components"),
        ({"components": [goods("g", dataRef={"by": "tag"})]}, "g.dataRef.tag"),
        ({"components": [{"id": f"t{number}", "type": "RichText", "props": {"paragraphs": [{"text": "长" * 2000}] * 10}} for number in range(3)]}, "content"),
    ],
)  # fmt: skip
def test_an_editor_is_told_what_does_not_fit(content, place):
    assert place in problems([BRAND], layer(**content))


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript:x",
        "data:text/html,x",
        "//evil.example",
        "http://a.example",
        " https://a",
        "https://a\n",
        'https://a"b',
    ],
)
def test_links_that_could_carry_a_script_are_refused(link):
    with pytest.raises(msgspec.ValidationError):
        layer(
            components=[
                {"id": "a", "type": "ImageBar", "props": {"image": "https://a.example/b.jpg", "link": link}}
            ]
        )


@pytest.mark.parametrize("link", ["https://a.example/b?c=d", "/pages/goods/index?id=1", "pages/index/index"])
def test_pages_and_secure_addresses_are_links(link):
    layer(
        components=[
            {"id": "a", "type": "ImageBar", "props": {"image": "https://a.example/b.jpg", "link": link}}
        ]
    )


@pytest.mark.parametrize(
    "component",
    [
        {"id": "a", "type": "Coupon"},
        {"id": "a b", "type": "Divider"},
        {"id": "a", "type": "Divider", "props": {"x": 1}},
    ],
)
def test_unknown_types_ids_and_props_are_refused(component):
    with pytest.raises(msgspec.ValidationError):
        layer(components=[component])


def test_a_component_shows_within_its_time_and_while_the_store_is_open():
    hour = timedelta(hours=1)
    when = {"activeFrom": NOON.isoformat(), "activeTo": (NOON + hour).isoformat(), "storeOpen": True}
    component = merged([layer(components=[{"id": "a", "type": "Divider", "visibleWhen": when}])]).components[
        0
    ]
    assert visible(component, at=NOON, store_open=True)
    assert not visible(component, at=NOON + hour, store_open=True)
    assert not visible(component, at=NOON - hour, store_open=True)
    assert not visible(component, at=NOON, store_open=False)
    assert not visible(component, at=NOON, store_open=None)
