"""The building blocks of a page: one struct a component type, which is also its JSON Schema. Pure.

Everything a brand may put on a page is named here and bounded; links and pictures are https or a path inside the mini-program, and text
is text (no markup), so that no page can carry a script into somebody's front end.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tenants.kernel.ids import SpuId

ComponentId = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$(?!\n)")]
_ADDRESS = r"https://[^\s<>\"'\\]+"
_PATH = r"/?(?!/)[A-Za-z0-9_][A-Za-z0-9_./-]*(\?[^\s<>\"'\\]*)?"
Picture = Annotated[str, Meta(max_length=500, pattern=rf"^({_ADDRESS}|{_PATH})$(?!\n)")]
"""An https address, or a path inside the mini-program."""
Link = Annotated[str, Meta(max_length=500, pattern=rf"^({_ADDRESS}|{_PATH})$(?!\n)")]
"""Where a tap leads: an https address, or a page path inside the mini-program. `javascript:` and its kin are neither."""
Colour = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}$(?!\n)")]
Line = Annotated[str, Meta(max_length=80)]
Sentence = Annotated[str, Meta(max_length=300)]
GoodsLimit = Annotated[int, Meta(ge=1, le=50)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class GoodsRef(_Part, frozen=True, kw_only=True):
    """Which products a component shows; the server resolves it per store, so one template shows each store's own goods."""

    kind: Literal["goods"] = "goods"
    by: Literal["ids", "tag", "category", "newest"]
    limit: GoodsLimit = 20
    ids: Annotated[list[SpuId], Meta(max_length=50)] = []
    tag: Line | None = None
    category: Line | None = None
    """The category's code; what lies below it counts too."""


class VisibleWhen(_Part, frozen=True, kw_only=True):
    """When a component shows: within a time (half-open), and only while the store is open, or only while it is closed."""

    active_from: datetime | None = None
    active_to: datetime | None = None
    store_open: bool | None = None


class _Component(_Part, frozen=True, kw_only=True, tag_field="type"):
    id: ComponentId
    data_ref: GoodsRef | None = None
    visible_when: VisibleWhen | None = None


class Slide(_Part, frozen=True, kw_only=True):
    """One picture of a carousel."""

    image: Picture
    link: Link | None = None
    title: Line | None = None


class CarouselProps(_Part, frozen=True, kw_only=True):
    """轮播图."""

    slides: Annotated[list[Slide], Meta(min_length=1, max_length=20)]
    seconds: Annotated[int, Meta(ge=0, le=60)] = 4


class Carousel(_Component, frozen=True, kw_only=True, tag="Carousel"):
    """Pictures that change."""

    props: CarouselProps


class NoticeBarProps(_Part, frozen=True, kw_only=True):
    """公告栏."""

    text: Sentence
    link: Link | None = None


class NoticeBar(_Component, frozen=True, kw_only=True, tag="NoticeBar"):
    """A line of news."""

    props: NoticeBarProps


class SearchBarProps(_Part, frozen=True, kw_only=True):
    """搜索框."""

    placeholder: Line = "搜索商品"


class SearchBar(_Component, frozen=True, kw_only=True, tag="SearchBar"):
    """A place to type."""

    props: SearchBarProps = SearchBarProps()


class MenuEntry(_Part, frozen=True, kw_only=True):
    """One entry of a menu grid."""

    title: Line
    link: Link
    icon: Picture | None = None


class MenuGridProps(_Part, frozen=True, kw_only=True):
    """宫格导航."""

    entries: Annotated[list[MenuEntry], Meta(min_length=1, max_length=40)]
    columns: Annotated[int, Meta(ge=2, le=5)] = 4


class MenuGrid(_Component, frozen=True, kw_only=True, tag="MenuGrid"):
    """Icons that lead somewhere."""

    props: MenuGridProps


class TitleBarProps(_Part, frozen=True, kw_only=True):
    """标题栏."""

    title: Line
    subtitle: Line | None = None
    link: Link | None = None


class TitleBar(_Component, frozen=True, kw_only=True, tag="TitleBar"):
    """A heading."""

    props: TitleBarProps


class ImageBarProps(_Part, frozen=True, kw_only=True):
    """图片."""

    image: Picture
    link: Link | None = None


class ImageBar(_Component, frozen=True, kw_only=True, tag="ImageBar"):
    """One picture."""

    props: ImageBarProps


class ProductCardProps(_Part, frozen=True, kw_only=True):
    """商品卡片."""

    layout: Literal["oneColBigImg", "oneColSmallImg", "twoCol"] = "twoCol"
    badge: Line | None = None


class ProductCard(_Component, frozen=True, kw_only=True, tag="ProductCard"):
    """A few products, shown large."""

    data_ref: GoodsRef
    props: ProductCardProps = ProductCardProps()


class ProductListProps(_Part, frozen=True, kw_only=True):
    """商品列表."""

    title: Line | None = None
    columns: Annotated[int, Meta(ge=1, le=3)] = 2


class ProductList(_Component, frozen=True, kw_only=True, tag="ProductList"):
    """Products in rows."""

    data_ref: GoodsRef
    props: ProductListProps = ProductListProps()


class StoreCardProps(_Part, frozen=True, kw_only=True):
    """门店卡片."""

    show_hours: bool = True
    show_phone: bool = True


class StoreCard(_Component, frozen=True, kw_only=True, tag="StoreCard"):
    """The store the shopper is in."""

    props: StoreCardProps = StoreCardProps()


class GuideCardProps(_Part, frozen=True, kw_only=True):
    """导购卡片."""

    title: Line = "我的专属导购"


class GuideCard(_Component, frozen=True, kw_only=True, tag="GuideCard"):
    """The shopper's guide; who that is, the front end asks on its own, because this page is the same for everybody."""

    props: GuideCardProps = GuideCardProps()


class Paragraph(_Part, frozen=True, kw_only=True):
    """A paragraph of text; no markup."""

    text: Annotated[str, Meta(max_length=2000)]
    bold: bool = False
    align: Literal["left", "center", "right"] = "left"
    colour: Colour | None = None
    link: Link | None = None


class RichTextProps(_Part, frozen=True, kw_only=True):
    """图文."""

    paragraphs: Annotated[list[Paragraph], Meta(min_length=1, max_length=50)]


class RichText(_Component, frozen=True, kw_only=True, tag="RichText"):
    """Several paragraphs."""

    props: RichTextProps


class DividerProps(_Part, frozen=True, kw_only=True):
    """分割线."""

    height: Annotated[int, Meta(ge=0, le=200)] = 16
    line: bool = True


class Divider(_Component, frozen=True, kw_only=True, tag="Divider"):
    """Some room."""

    props: DividerProps = DividerProps()


Component = (
    Carousel | NoticeBar | SearchBar | MenuGrid | TitleBar | ImageBar | ProductCard | ProductList | StoreCard
    | GuideCard | RichText | Divider
)  # fmt: skip


class Override(_Part, frozen=True, kw_only=True):
    """What one level changes about an inherited component: single props by name, its goods, when it shows."""

    props: dict[str, Any] = {}
    data_ref: GoodsRef | None = None
    visible_when: VisibleWhen | None = None


class Addition(_Part, frozen=True, kw_only=True):
    """A component of one level's own, placed after another (`null`: at the top)."""

    after: ComponentId | None
    component: Component


class LayerContent(_Part, frozen=True, kw_only=True):
    """What one level says about a page: a whole page of its own, or changes to the inherited one, in this order."""

    title: Line | None = None
    background: Colour | None = None
    components: Annotated[list[Component], Meta(max_length=60)] | None = None
    remove: Annotated[list[ComponentId], Meta(max_length=60)] = []
    override: Annotated[dict[ComponentId, Override], Meta(max_length=60)] = {}
    add: Annotated[list[Addition], Meta(max_length=60)] = []
