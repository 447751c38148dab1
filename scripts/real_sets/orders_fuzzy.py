"""A toy shop's orders and item refunds, a third of them in a later month than the sale: clawed back in their own period."""

from typing import Any

from orders.history.queries import By, refund_totals, sales_totals
from scripts.real_sets.context import Context, Figure
from scripts.real_sets.order_books import agree_on_rate, compared, open_stores, settle
from tenants.kernel.scope import TenantScope

NAME = "orders_fuzzy"
FOLDER = "restricted/orders_fuzzy"
SOURCE = "fuzzy"
ZONE = "Asia/Shanghai"


async def run(context: Context) -> list[Figure]:
    """Import, settle and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    folder = context.folder / FOLDER
    tenant = await context.tenant("fuzzy", time_zone=ZONE)
    await open_stores(tenant, {"web": "Web shop"}, time_zone=ZONE)
    await agree_on_rate(context, tenant, codes=["web"], time_zone=ZONE)
    await context.load(tenant, "orders", file=folder / "order_items.csv.gz", mapping=NAME, figures=figures)
    refunds = folder / "order_item_refunds.csv.gz"
    await context.load(tenant, "refunds", file=refunds, mapping=f"{NAME}_refunds", figures=figures)
    async with tenant.reporting() as db:
        sales = await sales_totals(db, source_name=SOURCE, by=By.MONTH)
        back = await refund_totals(db, source_name=SOURCE, by=By.MONTH)
        by_sale = await refund_totals(db, source_name=SOURCE, by=By.SALE_MONTH)
    for month, wanted in expected["by_month"].items():
        sold = sales.get(month)
        got = {
            "items": sold.lines if sold else 0,
            "orders": sold.documents if sold else 0,
            "sales": sold.total_fen if sold else 0,
            "refund_amount_by_refund_month": back[month].amount_fen if month in back else 0,
            "refund_amount_by_order_month": by_sale[month].amount_fen if month in by_sale else 0,
        }
        figures += compared(month, {key: value for key, value in wanted.items() if key in got}, got=got)
    later = await context.number(
        tenant,
        "SELECT count(*) FROM app.refunds r JOIN app.orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id"
        " WHERE r.tenant_id = :t AND o.tenant_id = :t AND date_trunc('month', r.business_on) > date_trunc('month', o.business_on)",
    )
    figures += await _products(context, tenant, expected=expected)
    totals = {
        "items": sum(each.lines for each in sales.values()),
        "orders": sum(each.documents for each in sales.values()),
        "sales": sum(each.total_fen for each in sales.values()),
        "refunds": sum(each.refunds for each in back.values()),
        "refund_amount": sum(each.amount_fen for each in back.values()),
    }
    figures += compared("total", {key: expected["totals"][key] for key in totals}, got=totals)
    figures.append(
        Figure(
            name="refunds in a later month",
            expected=expected["refunds_in_a_later_month_than_the_order"],
            got=later,
        )
    )
    return figures + await settle(context, tenant, source_name=SOURCE)


async def _products(context: Context, tenant: TenantScope, *, expected: dict[str, Any]) -> list[Figure]:
    figures: list[Figure] = []
    products = await context.rows(
        tenant,
        "SELECT sku_code, sum(goods_fen)::bigint, count(*), sum(refunded_fen)::bigint, count(*) FILTER (WHERE refunded_fen > 0)"
        " FROM app.order_lines WHERE tenant_id = :t GROUP BY 1",
    )
    for code, amount, items, refunded, times in products:
        wanted = expected["by_product"][code]
        got = {"sales": amount, "items": items, "refund_amount": refunded, "refunds": times}
        figures += compared(f"product {code}", {key: wanted[key] for key in got}, got=got)
    return figures
