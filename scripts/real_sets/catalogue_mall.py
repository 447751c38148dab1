"""mall's demo catalogue: products in one file, units with variants as JSON and stock in another."""

from scripts.real_sets.context import Context, Figure

NAME = "catalogue_mall"
FOLDER = "open/catalogue_mall"


async def run(context: Context) -> list[Figure]:
    """Import and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    tenant = await context.tenant("mall")
    folder = context.folder / FOLDER
    products = await context.load(
        tenant, "catalogue", file=folder / "product.csv", mapping="mall_products", figures=figures
    )
    await context.load(
        tenant, "catalogue", file=folder / "sku_stock.csv", mapping="mall_units", figures=figures
    )
    await context.load(tenant, "stock", file=folder / "sku_stock.csv", mapping="mall_stock", figures=figures)
    unpriced = await context.rows(
        tenant,
        "SELECT k.code FROM app.skus k WHERE k.tenant_id = :t AND NOT EXISTS"
        " (SELECT FROM app.prices p WHERE p.tenant_id = :t AND p.sku_id = k.id)",
    )
    figures += [
        Figure(
            name="sku",
            expected=expected["sku"],
            got=await context.number(tenant, "SELECT count(*) FROM app.skus WHERE tenant_id = :t"),
        ),
        Figure(
            name="spu",
            expected=products.rows_read,
            got=await context.number(tenant, "SELECT count(*) FROM app.spus WHERE tenant_id = :t"),
        ),
        Figure(
            name="sku_without_price",
            expected=expected["sku_without_price"],
            got=[code for (code,) in unpriced],
        ),
        Figure(
            name="sku with a named variant",
            expected=expected["sku"],
            got=await context.number(
                tenant,
                "SELECT count(*) FROM app.skus WHERE tenant_id = :t AND jsonb_array_length(specs) > 0",
            ),
        ),
    ]
    return figures
