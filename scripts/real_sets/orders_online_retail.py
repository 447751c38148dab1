"""A British online retailer's invoice lines as order history: countries as stores, cancellations as refunds without a sale, months settled."""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from orders.history.queries import By, ClassTotals, class_totals, sales_totals
from orders.states import LineKind
from scripts.real_sets.context import MAPPINGS, Context, Figure
from scripts.real_sets.order_books import agree_on_rate, compared, open_stores, refused_rows, settle
from storefront.imports.mapping import read_mapping
from storefront.imports.reading import Row, open_source
from tenants.kernel.scope import TenantScope

NAME = "orders_online_retail"
FOLDER = "open/orders_online_retail"
SOURCE = "online-retail"
ZONE = "Europe/London"
GOODS = re.compile(r"\d{5}[A-Za-z]*")
AT_THE_MALL = ("EIRE", "Germany", "France")


async def run(context: Context) -> list[Figure]:
    """Import, settle and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    files = sorted((context.folder / FOLDER).glob("*.csv.gz"))
    tenant = await context.tenant("online-retail", time_zone=ZONE)
    options = read_mapping(MAPPINGS / f"{NAME}.toml").source
    countries = {row.cells["Country"] for file in files for row in open_source(file, options).rows()}
    await open_stores(tenant, {country: country for country in countries}, time_zone=ZONE)
    await agree_on_rate(context, tenant, codes=AT_THE_MALL, time_zone=ZONE)
    refused: dict[str, list[Row]] = {}
    read = 0
    for file in files:
        outcome = await context.load(tenant, "orders", file=file, mapping=NAME, figures=figures)
        refused[file.name.split(".")[0]] = refused_rows(file, outcome.report, mapping=NAME)
        read += outcome.rows_read
    figures.append(Figure(name="rows", expected=expected["rows"], got=read))
    figures += await _months(tenant, expected, refused=refused)
    figures += await _countries(tenant, expected)
    figures += await _classes(tenant, expected, refused=[row for rows in refused.values() for row in rows])
    figures += await _words(
        context, tenant, expected=expected, refused=[row for rows in refused.values() for row in rows]
    )
    return figures + await settle(context, tenant, source_name=SOURCE)


async def _months(
    tenant: TenantScope, expected: dict[str, Any], *, refused: dict[str, list[Row]]
) -> list[Figure]:
    async with tenant.reporting() as db:
        classes = await class_totals(db, source_name=SOURCE, by=By.MONTH)
    figures = []
    for month, wanted in expected["by_month"].items():
        got = _figures([each for each in classes if each.group == month], adjusted=len(refused[month]))
        figures += compared(month, wanted, got=got)
    adjusted = sum(len(rows) for rows in refused.values())
    return figures + compared("total", expected["totals"], got=_figures(classes, adjusted=adjusted))


def _figures(classes: Iterable[ClassTotals], *, adjusted: int) -> dict[str, int]:
    """The sums of one month, named as the files' own count names them."""
    sums: Counter[str] = Counter({"stock_adjust_lines": adjusted, "stock_adjust_amount": 0})
    for each in classes:
        if each.is_refund:
            sums.update(refund_lines=each.lines, refunds=each.amount_fen, net=-each.amount_fen)
        elif not each.is_priced:
            sums.update(zero_price_lines=each.lines)
        else:
            kind = "sales_goods" if each.kind == LineKind.GOODS else "sales_nongoods"
            sums.update(
                {
                    "sale_lines": each.lines,
                    "sales": each.amount_fen,
                    "net": each.amount_fen,
                    kind: each.amount_fen,
                }
            )
    return dict(sums)


async def _countries(tenant: TenantScope, expected: dict[str, Any]) -> list[Figure]:
    async with tenant.reporting() as db:
        classes = await class_totals(db, source_name=SOURCE, by=By.STORE)
    figures = []
    for country, wanted in expected["by_country"].items():
        got = _figures([each for each in classes if each.group == country], adjusted=0)
        figures += compared(country, wanted, got=got)
    return figures


async def _classes(tenant: TenantScope, expected: dict[str, Any], *, refused: list[Row]) -> list[Figure]:
    """Every row once: imported lines by their class, write-offs by the report."""
    async with tenant.reporting() as db:
        classes = await class_totals(db, source_name=SOURCE)
        documents = (await sales_totals(db, source_name=SOURCE))[""].documents
    lines: Counter[str] = Counter()
    exact: Counter[str] = Counter()
    for each in classes:
        goods = "goods" if each.kind == LineKind.GOODS else "nongoods"
        priced = "price+" if each.is_priced else "price0"
        name = f"cancel|{goods}|qty-|{priced}" if each.is_refund else f"sale|{goods}|qty+|{priced}"
        lines[name] += each.lines
        amount = each.amount_exact if each.amount_exact is not None else -Decimal(each.amount_fen) / 100
        exact[name] += amount  # type: ignore[assignment]
    for row in refused:
        goods = "goods" if GOODS.fullmatch(row.cells["StockCode"]) else "nongoods"
        lines[f"sale|{goods}|qty-|price0"] += 1
    figures = []
    for name, wanted in expected["by_class"].items():
        figures.append(Figure(name=f"{name} lines", expected=wanted["lines"], got=lines[name]))
        got = Decimal(exact[name])
        figures.append(Figure(name=f"{name} exact", expected=Decimal(wanted["amount_exact"]), got=got))
    total = sum((Decimal(amount) for amount in exact.values()), Decimal(0))
    figures.append(
        Figure(name="all rows, exact", expected=Decimal(expected["total_all_rows_exact"]), got=total)
    )
    only_refused = {row.cells["InvoiceNo"] for row in refused}
    figures.append(
        Figure(
            name="invoices of sales, or of write-offs alone",
            expected=expected["invoices"]["sale"],
            got=documents + len(only_refused),
        )
    )
    return figures


async def _words(
    context: Context, tenant: TenantScope, *, expected: dict[str, Any], refused: list[Row]
) -> list[Figure]:
    """Codes and descriptions, the refused rows' among them."""
    lines = await context.rows(
        tenant,
        "SELECT sku_code, title, kind FROM app.order_lines WHERE tenant_id = :t"
        " UNION ALL SELECT sku_code, title, kind FROM app.refund_lines WHERE tenant_id = :t",
    )
    said = [(code, title or "", kind) for code, title, kind in lines]
    said += [(row.cells["StockCode"], row.cells["Description"].strip(), "") for row in refused]
    titles: dict[str, set[str]] = {}
    for code, title, _ in said:
        titles.setdefault(code, set()).add(title)
    fees = Counter(code for code, _, kind in said if kind in {LineKind.FREIGHT, LineKind.OTHER})
    fees.update(row.cells["StockCode"] for row in refused if not GOODS.fullmatch(row.cells["StockCode"]))
    subcent = await context.number(
        tenant, "SELECT count(*) FROM app.order_lines WHERE tenant_id = :t AND evidence ? 'unit_price'"
    )
    cancelled = await context.number(
        tenant, "SELECT count(DISTINCT external_no) FROM app.refunds WHERE tenant_id = :t"
    )
    return [
        Figure(name="stock codes", expected=expected["stock_codes"], got=len(titles)),
        Figure(
            name="rows without description",
            expected=expected["rows_without_description"],
            got=sum(not title for _, title, _ in said),
        ),
        Figure(
            name="unit prices finer than a cent",
            expected=expected["rows_with_subcent_unit_price"],
            got=subcent,
        ),
        Figure(name="cancellations", expected=expected["invoices"]["cancel"], got=cancelled),
        *compared("lines that are no goods:", expected["nongoods_codes"], got=dict(fees)),
    ]
