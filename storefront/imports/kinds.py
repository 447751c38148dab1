"""What can be imported: each kind's fields, how its rows are built from typed values, and the verb that takes them.

A kind whose verb stands in another package is added here and nowhere else. A field that the mapping does not name is UNSET in the row: the
file does not speak of it.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from catalog.import_catalogue import CatalogueRow, SkuPart, SpuPart, import_catalogue
from catalog.import_levels import (
    AssortmentRow,
    PriceRow,
    StockRow,
    import_assortments,
    import_prices,
    import_stock,
)
from catalog.states import SaleStatus
from catalog.versions import bump
from guides.import_guides import GuideRow, import_guides
from orders.history.commands import OrderRow, PaymentRow, RefundRow
from orders.history.payments import import_payments
from orders.history.refunds import import_refunds
from orders.history.sales_import import import_orders
from storefront.imports import history_kinds
from storefront.imports.fields import (
    FieldSpec,
    barcode,
    boolean,
    choice,
    clock,
    code,
    coordinate,
    day,
    image,
    moment,
    phone,
    plain_text,
    price,
    quantity,
    texts,
    zone_name,
)
from storefront.imports.mapping import Mapping
from tenants.import_malls import MallRow, import_malls
from tenants.import_outcomes import Finding, RowOutcome, RowState, refusal
from tenants.import_stores import StoreGroupRow, StoreRow, import_store_groups, import_stores
from tenants.kernel.ids import LevelId
from tenants.kernel.money import LARGEST_AMOUNT
from tenants.kernel.scope import Writing
from tenants.states import Ownership, StoreStatus

Verb = Callable[..., Awaitable[list[RowOutcome]]]
Values = dict[str, Any]
LARGEST_QUANTITY = 1_000_000_000


class RowWrong(Exception):
    """The fields are readable one by one but make no row together."""

    def __init__(self, finding: Finding) -> None:
        """Say which field."""
        super().__init__(finding.reason)
        self.finding = finding


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of import."""

    name: str
    fields: tuple[FieldSpec, ...]
    build: Callable[[int, Values], Any]
    """From the row's number and its typed values (mapped fields only); raises RowWrong."""
    verb: Verb
    key: Callable[[Any], Hashable] | None
    """What tells rows of one file apart; the second of two equal keys is refused unless it says the same. None: equal rows are two things."""
    part: Callable[[Any], tuple[Hashable, Any] | None] = lambda _: None
    """A part that several rows repeat (a product beside its units): its key and what it says."""
    without_part: Callable[[Any], Any] = lambda row: row
    """The row without that part, for rows that repeat it differently."""
    begin: Callable[[Mapping], Verb] | None = None
    """Makes the verb of one run, from its mapping, where a run remembers what it met."""
    together: Callable[[Any], Hashable] | None = None
    """Rows in a row that have this in common come in one batch."""
    batch: int = 1_000
    """Rows in one transaction."""

    def requirements(self) -> dict[str, bool]:
        """Field name -> whether a mapping must feed it."""
        return {spec.name: spec.required for spec in self.fields}


def _fields(read: Callable[..., Any], *names: str, **options: Any) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name=name, read=read, **options) for name in names)


def _plain(row_type: type[msgspec.Struct]) -> Callable[[int, Values], Any]:
    def build(number: int, values: Values) -> Any:
        return row_type(number=number, **values)

    return build


async def _stores(db: Writing, rows: Sequence[StoreRow], *, now: datetime) -> list[RowOutcome]:
    """Import stores and say that faces have changed: a store's card stands in its face, and the catalogue keeps faces."""
    outcomes = await import_stores(db, rows, now=now)
    if any(outcome.state is RowState.IMPORTED for outcome in outcomes):
        await bump(db, [LevelId(db.tenant_id)])
    return outcomes


PLACE = (
    *_fields(plain_text, "province", "city", "district", "address"),
    *_fields(coordinate, "latitude", lenient=True, highest=90),
    *_fields(coordinate, "longitude", lenient=True, highest=180),
)
NAMED = (*_fields(code, "code", required=True), *_fields(plain_text, "name", required=True))
ACTIVE = _fields(moment, "active_from", "active_to")
LEVEL = (*_fields(code, "sku_code", required=True), *_fields(code, "store_code", "group_code"))
SALE = tuple(status.value for status in SaleStatus)


def _by_code(row: Any) -> Hashable:
    return (row.code,)


def _by_level(row: Any) -> Hashable:
    return row.sku_code, row.store_code or None, row.group_code or None


def _by_price(row: PriceRow) -> Hashable:
    return _by_level(row), row.active_from or None


def _by_guide(row: GuideRow) -> Hashable:
    return row.code, row.store_code or None


SPU_FIELDS = {
    "title": "title",
    "category_code": "category_code",
    "category_name": "category_name",
    "parent_category_code": "parent_category_code",
    "parent_category_name": "parent_category_name",
    "subtitle": "subtitle",
    "brand_name": "brand_name",
    "image": "image",
    "gallery": "gallery",
    "attributes": "attributes",
    "tags": "tags",
    "detail": "detail",
    "unit": "unit",
    "spu_status": "status",
    "spu_position": "position",
}
SKU_FIELDS = {
    "sku_code": "code",
    "barcode": "barcode",
    "specs": "specs",
    "sku_image": "image",
    "sku_status": "status",
    "sku_position": "position",
    "price": "price",
    "line_price": "line_price",
}


def _catalogue_row(number: int, values: Values) -> CatalogueRow:
    """A product, a unit, or both; a unit without a product of its own is its own product."""
    sku_code = values.get("sku_code")
    spu_code = values.get("spu_code") or sku_code
    if not spu_code:
        raise RowWrong(refusal("spu_code", "", reason="neither a product nor a SKU code (缺少商品编码)"))
    spu = None
    if values.get("title"):
        spu = SpuPart(**{ours: values[name] for name, ours in SPU_FIELDS.items() if name in values})
    sku = None
    if sku_code:
        sku = SkuPart(**{ours: values[name] for name, ours in SKU_FIELDS.items() if name in values})
    if spu is None and sku is None:
        raise RowWrong(refusal("title", "", reason="a product needs a title (缺少商品名称)"))
    return CatalogueRow(number=number, spu_code=spu_code, spu=spu, sku=sku)


def _by_unit(row: CatalogueRow) -> Hashable:
    return ("sku", row.sku.code) if row.sku else ("spu", row.spu_code)


def _product(row: CatalogueRow) -> tuple[Hashable, Any] | None:
    return (row.spu_code, row.spu) if row.spu is not None else None


def _without_product(row: CatalogueRow) -> CatalogueRow:
    return msgspec.structs.replace(row, spu=None)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="store-groups",
            fields=NAMED,
            build=_plain(StoreGroupRow),
            verb=import_store_groups,
            key=_by_code,
        ),
        Kind(name="malls", fields=(*NAMED, *PLACE), build=_plain(MallRow), verb=import_malls, key=_by_code),
        Kind(
            name="stores",
            fields=(
                *NAMED,
                *PLACE,
                *ACTIVE,
                *_fields(code, "group_code", "mall_code", "merchant_no"),
                *_fields(plain_text, "mall_floor", "hours"),
                *_fields(zone_name, "time_zone"),
                *_fields(choice, "ownership", choices=tuple(each.value for each in Ownership)),
                *_fields(choice, "status", choices=tuple(each.value for each in StoreStatus)),
                *_fields(boolean, "is_flagship", "pickup_offered"),
                *_fields(phone, "phone"),
                *_fields(clock, "business_day_starts"),
                *_fields(day, "opened_on", lenient=True),
            ),
            build=_plain(StoreRow),
            verb=_stores,
            key=_by_code,
        ),
        Kind(
            name="guides",
            fields=(
                *NAMED,
                *ACTIVE,
                *_fields(code, "store_code", "wecom_userid", "openid"),
                *_fields(phone, "phone"),
            ),
            build=_plain(GuideRow),
            verb=import_guides,
            key=_by_guide,
        ),
        Kind(
            name="catalogue",
            fields=(
                *_fields(code, "spu_code", "sku_code", "category_code", "parent_category_code"),
                *_fields(
                    plain_text, "title", "category_name", "parent_category_name", "subtitle", "brand_name"
                ),
                *_fields(plain_text, "detail", "unit"),
                *_fields(image, "image", "sku_image", lenient=True),
                *_fields(texts, "gallery", "tags"),
                *_fields(plain_text, "attributes", "specs"),
                *_fields(choice, "spu_status", "sku_status", choices=SALE),
                *_fields(quantity, "spu_position", "sku_position", lenient=True),
                *_fields(barcode, "barcode"),
                *_fields(price, "price", "line_price", lowest=0, highest=LARGEST_AMOUNT),
            ),
            build=_catalogue_row,
            verb=import_catalogue,
            key=_by_unit,
            part=_product,
            without_part=_without_product,
        ),
        Kind(
            name="prices",
            fields=(
                *LEVEL,
                *ACTIVE,
                *_fields(price, "price", required=True, lowest=0, highest=LARGEST_AMOUNT),
                *_fields(price, "line_price", lowest=0, highest=LARGEST_AMOUNT),
            ),
            build=_plain(PriceRow),
            verb=import_prices,
            key=_by_price,
        ),
        Kind(
            name="stock",
            fields=(
                *LEVEL,
                *_fields(quantity, "on_hand", required=True, highest=LARGEST_QUANTITY),
                *_fields(quantity, "feed_sequence", lowest=0),
            ),
            build=_plain(StockRow),
            verb=import_stock,
            key=_by_level,
        ),
        Kind(
            name="assortments",
            fields=(*LEVEL, *_fields(boolean, "listed")),
            build=_plain(AssortmentRow),
            verb=import_assortments,
            key=_by_level,
        ),
    )
}
KINDS |= {
    kind.name: kind
    for kind in (
        Kind(
            name="orders",
            fields=history_kinds.ORDER_FIELDS,
            build=history_kinds.build(OrderRow),
            verb=import_orders,
            begin=history_kinds.begin_orders,
            key=None,
            together=history_kinds.document_of,
            batch=history_kinds.BATCH,
        ),
        Kind(
            name="refunds",
            fields=history_kinds.REFUND_FIELDS,
            build=history_kinds.build(RefundRow),
            verb=import_refunds,
            begin=history_kinds.begin_refunds,
            key=None,
            together=history_kinds.document_of,
            batch=history_kinds.BATCH,
        ),
        Kind(
            name="payments",
            fields=history_kinds.PAYMENT_FIELDS,
            build=history_kinds.build(PaymentRow),
            verb=import_payments,
            begin=history_kinds.begin_payments,
            key=None,
            together=history_kinds.document_of,
            batch=history_kinds.BATCH,
        ),
    )
}
NAMED_VALUE_FIELDS = frozenset({"attributes", "specs"})
"""Fields that hold a list of {name, value}, read by `pairs`."""
