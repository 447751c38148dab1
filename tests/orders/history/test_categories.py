"""A line whose file names no category has that of the brand's own SKU: otherwise a mall gets the wrong rate, and nobody is told."""

from sqlalchemy import text

from tenants.kernel.scope import TenantScope
from tests.orders.history.test_sales_import import IMPORTED, UNCHANGED, keep, row, shops
from tests.support.rows import rows, value
from tests.support.shop import add_category, add_product

__all__ = ["shops"]
CATEGORY = "SELECT l.category_code FROM app.order_lines l WHERE l.tenant_id = :t AND l.sku_code = :sku"


async def bag(tenant: TenantScope) -> str:
    """A SKU that the brand's catalogue calls an accessory; returns its code."""
    async with tenant.writing() as db:
        product = await add_product(db, "帆布包", category_id=await add_category(db, "accessories"))
    return str(
        await value(tenant, "SELECT code FROM app.skus WHERE tenant_id = :t AND id = :id", id=product.sku)
    )


async def test_a_line_without_a_category_has_its_skus(shops: TenantScope) -> None:
    sku = await bag(shops)
    (outcome,) = await keep(shops, [row(2, amount="129.00", sku_code=sku)])
    assert outcome.state is IMPORTED
    assert await value(shops, CATEGORY, sku=sku) == "accessories"


async def test_what_the_file_says_wins(shops: TenantScope) -> None:
    sku = await bag(shops)
    await keep(shops, [row(2, amount="129.00", sku_code=sku, category_code="coats")])
    assert await value(shops, CATEGORY, sku=sku) == "coats"


async def test_a_sku_that_nobody_knows_has_none(shops: TenantScope) -> None:
    await keep(shops, [row(2, amount="129.00", sku_code="elsewhere")])
    assert await value(shops, CATEGORY, sku="elsewhere") is None


async def test_a_catalogue_that_changed_since_makes_no_second_line(shops: TenantScope) -> None:
    sku = await bag(shops)
    await keep(shops, [row(2, amount="129.00", sku_code=sku)])
    async with shops.writing() as db:
        other = await add_category(db, "coats")
        moved = "UPDATE app.spus SET category_id = :c WHERE tenant_id = :t"
        await db.execute(text(moved), {"c": other, "t": db.tenant_id})
    (again,) = await keep(shops, [row(2, amount="129.00", sku_code=sku)])
    assert again.state is UNCHANGED
    assert len(await rows(shops, CATEGORY, sku=sku)) == 1
