"""A flagship store's order report: no lines, payments net of refunds, many never paid; provinces as stores, the month settled."""

from typing import Any

from orders.history.queries import By, refund_totals, sales_totals, tender_totals
from scripts.real_sets.context import Context, Figure
from scripts.real_sets.order_books import agree_on_rate, compared, open_stores, settle
from storefront.imports.reading import open_source
from tenants.kernel.scope import TenantScope

NAME = "orders_tmall"
FOLDER = "restricted/orders_tmall"
SOURCE = "tmall"
ZONE = "Asia/Shanghai"
GROUPS = {
    By.DAY: "to_char(business_on, 'YYYY-MM-DD')",
    By.STORE: "attribution ->> 'store_code'",
    By.ALL: "''",
}


async def run(context: Context) -> list[Figure]:
    """Import, settle and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    file = context.folder / FOLDER / "tmall_order_report.csv"
    tenant = await context.tenant("tmall", time_zone=ZONE)
    places = sorted({row.cells["收货地址"].strip() for row in open_source(file).rows()})
    await open_stores(tenant, {place: place for place in places}, time_zone=ZONE)
    await agree_on_rate(context, tenant, codes=places[:3], time_zone=ZONE)
    outcome = await context.load(tenant, "orders", file=file, mapping=NAME, figures=figures)
    figures.append(Figure(name="rows imported", expected=expected["rows"], got=outcome.imported))
    for by, wanted in (
        (By.ALL, {"": expected["totals"]}),
        (By.DAY, expected["by_day"]),
        (By.STORE, expected["by_province"]),
    ):
        got = await _groups(context, tenant, by=by)
        for key, figures_of_key in wanted.items():
            figures += compared(f"{by.value} {key}".strip(), figures_of_key, got=got[key])
    return figures + await settle(context, tenant, source_name=SOURCE)


async def _groups(context: Context, tenant: TenantScope, *, by: By) -> dict[str, dict[str, Any]]:
    async with tenant.reporting() as db:
        sales = await sales_totals(db, source_name=SOURCE, by=by)
        paid = await tender_totals(db, source_name=SOURCE, by=by)
        back = await refund_totals(db, source_name=SOURCE, by=by)
    states = await context.rows(
        tenant,
        f"SELECT {GROUPS[by]}, count(*) FILTER (WHERE state = 'refunded'), count(*) FILTER (WHERE paid_at IS NULL),"
        " coalesce(sum(total_fen) FILTER (WHERE paid_at IS NULL), 0)::bigint FROM app.orders WHERE tenant_id = :t GROUP BY 1",
    )
    groups = {}
    for key, fully, unpaid, unpaid_fen in states:
        gross = paid[key].amount_fen if key in paid else 0
        refunded = back[key].amount_fen if key in back else 0
        groups[key] = {
            "orders": sales[key].documents,
            "order_total": sales[key].total_fen,
            "paid_orders": paid[key].payments if key in paid else 0,
            "paid_gross": gross,
            "paid_net_of_refund": gross - refunded,
            "refund": refunded,
            "refunded_orders": back[key].refunds if key in back else 0,
            "fully_refunded_orders": fully,
            "unpaid_orders": unpaid,
            "unpaid_total": unpaid_fen,
        }
    return groups
