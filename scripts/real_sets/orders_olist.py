"""A Brazilian marketplace's orders: sellers as stores, carriage as lines of its own, several payments an order, months settled."""

from collections import Counter
from decimal import Decimal
from typing import Any

from orders.history.queries import (
    By,
    documents_paid_several_times,
    payment_differences,
    sales_totals,
    tender_totals,
)
from scripts.real_sets.context import Context, Figure
from scripts.real_sets.order_books import agree_on_rate, compared, open_stores, refused_rows, settle
from storefront.imports.reading import Row, open_source
from tenants.kernel.scope import TenantScope

NAME = "orders_olist"
FOLDER = "open/orders_olist"
SOURCE = "olist"
ZONE = "America/Sao_Paulo"
SELLERS_AT_THE_MALL = 40


async def run(context: Context) -> list[Figure]:
    """Import, settle and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    folder = context.folder / FOLDER
    tenant = await context.tenant("olist", time_zone=ZONE)
    sellers = {row.cells["seller_id"]: row.cells for row in open_source(folder / "olist_sellers.csv").rows()}
    names = {code: f"{cells['seller_city']} {code[:6]}" for code, cells in sellers.items()}
    await open_stores(tenant, names, time_zone=ZONE)
    lines = folder / "olist_order_items.csv.gz"
    sold = Counter(row.cells["seller_id"] for row in open_source(lines).rows())
    at_the_mall = [code for code, _ in sold.most_common(SELLERS_AT_THE_MALL)]
    await agree_on_rate(context, tenant, codes=at_the_mall, time_zone=ZONE)
    headers, payments = folder / "olist_orders.csv.gz", folder / "olist_order_payments.csv.gz"
    kept = await context.load(tenant, "orders", file=lines, mapping=NAME, figures=figures)
    checked = await context.load(tenant, "orders", file=headers, mapping=f"{NAME}_headers", figures=figures)
    paid = await context.load(tenant, "payments", file=payments, mapping=f"{NAME}_payments", figures=figures)
    without_lines = refused_rows(headers, checked.report, mapping=f"{NAME}_headers")
    unpaid_for = refused_rows(payments, paid.report, mapping=f"{NAME}_payments")
    figures += [
        Figure(name="order_items", expected=expected["order_items"], got=kept.imported),
        Figure(name="payments", expected=expected["payments"], got=paid.imported + len(unpaid_for)),
        Figure(
            name="orders without lines are reported",
            expected=expected["orders_without_items"],
            got=len(without_lines),
        ),
        Figure(name="sellers_seen", expected=expected["sellers_seen"], got=len(sold)),
    ]
    reported = _Reported(without_lines, unpaid_for)
    figures += await _totals(tenant, expected, reported=reported)
    figures += await _payments(context, tenant, expected=expected, reported=reported)
    return figures + await settle(context, tenant, source_name=SOURCE)


class _Reported:
    """What the reports refuse, counted by month, status and way of payment: imported + reported is what the files hold."""

    def __init__(self, headers: list[Row], payments: list[Row]) -> None:
        self.months = {row.cells["order_id"]: row.cells["order_purchase_timestamp"][:7] for row in headers}
        self.status = {row.cells["order_id"]: row.cells["order_status"] for row in headers}
        self.paid: Counter[str] = Counter()
        self.methods: dict[str, list[int]] = {}
        self.payments_of = Counter(row.cells["order_id"] for row in payments)
        self.zero = 0
        for row in payments:
            amount = int(Decimal(row.cells["payment_value"]) * 100)
            order = row.cells["order_id"]
            for key in (self.months[order], self.status[order], ""):
                self.paid[key] += amount
            self.methods.setdefault(row.cells["payment_type"], []).append(amount)
            self.zero += amount == 0

    def orders(self, key: str) -> int:
        """Orders of a month, of a status, or ('') all."""
        names = [*self.months.values(), *self.status.values(), *("" for _ in self.months)]
        return names.count(key)


async def _totals(tenant: TenantScope, expected: dict[str, Any], *, reported: _Reported) -> list[Figure]:
    figures = []
    groups = {
        By.ALL: {"": expected["totals"]},
        By.STATUS: expected["by_status"],
        By.MONTH: expected["by_month"],
    }
    for by, wanted in groups.items():
        async with tenant.reporting() as db:
            sales = await sales_totals(db, source_name=SOURCE, by=by)
            paid = await tender_totals(db, source_name=SOURCE, by=by)
        for key, figures_of_key in wanted.items():
            sold, tendered = sales.get(key), paid.get(key)
            got = {
                "orders": (sold.documents if sold else 0) + reported.orders(key),
                "items": sold.goods_lines if sold else 0,
                "goods": sold.goods_fen if sold else 0,
                "freight": sold.freight_fen if sold else 0,
                "paid": (tendered.amount_fen if tendered else 0) + reported.paid[key],
            }
            figures += compared(f"{by.value} {key}".strip(), figures_of_key, got=got)
    return figures


async def _payments(
    context: Context, tenant: TenantScope, *, expected: dict[str, Any], reported: _Reported
) -> list[Figure]:
    async with tenant.reporting() as db:
        methods = await tender_totals(db, source_name=SOURCE)
        differences = await payment_differences(db, source_name=SOURCE)
        several = await documents_paid_several_times(db, source_name=SOURCE)
    figures = []
    for method, wanted in expected["by_payment_type"].items():
        refused = reported.methods.get(method, [])
        got = {
            "amount": methods[method].amount_fen + sum(refused),
            "payments": methods[method].payments + len(refused),
        }
        figures += compared(method, wanted, got=got)
    found = {each.document: Decimal(each.paid_fen - each.total_fen) / 100 for each in differences}
    wanted = expected["orders_where_paid_differs_from_goods_plus_freight"]
    total = sum(found.values())
    several += sum(count > 1 for count in reported.payments_of.values())
    sellers = await context.number(
        tenant,
        "SELECT count(*) FROM (SELECT attribution ->> 'document' FROM app.orders WHERE tenant_id = :t"
        " GROUP BY 1 HAVING count(*) > 1) several",
    )
    without = await context.number(
        tenant,
        "SELECT count(DISTINCT o.attribution ->> 'document') FROM app.orders o WHERE o.tenant_id = :t AND NOT EXISTS"
        " (SELECT 1 FROM app.tenders p WHERE p.tenant_id = :t AND p.order_id = o.id)",
    )
    return [
        *figures,
        Figure(
            name="orders paid otherwise",
            expected={key: Decimal(text) for key, text in wanted["orders"].items()},
            got=found,
        ),
        Figure(name="paid otherwise, together", expected=Decimal(wanted["sum_exact"]), got=total),
        Figure(
            name="orders_with_several_payments",
            expected=expected["orders_with_several_payments"],
            got=several,
        ),
        Figure(
            name="orders_with_several_sellers", expected=expected["orders_with_several_sellers"], got=sellers
        ),
        Figure(name="orders_without_payment", expected=expected["orders_without_payment"], got=without),
    ]
