"""litemall's homeware catalogue: products, units with specifications named in a second file, stock, categories, brands."""

from scripts.real_sets.context import Context, Figure

NAME = "catalogue_litemall"
FOLDER = "open/catalogue_litemall"


async def run(context: Context) -> list[Figure]:
    """Import and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    tenant = await context.tenant("litemall")
    units = context.folder / FOLDER / "sku.csv"
    await context.load(tenant, "catalogue", file=units, mapping="litemall_catalogue", figures=figures)
    await context.load(tenant, "stock", file=units, mapping="litemall_stock", figures=figures)
    priced = (
        "FROM app.skus k JOIN app.prices p ON p.tenant_id = k.tenant_id AND p.sku_id = k.id"
        " JOIN app.stock s ON s.tenant_id = k.tenant_id AND s.sku_id = k.id"
        " WHERE k.tenant_id = :t AND p.tenant_id = :t AND s.tenant_id = :t"
    )
    counts = {
        "spu": "SELECT count(*) FROM app.spus WHERE tenant_id = :t",
        "sku": "SELECT count(*) FROM app.skus WHERE tenant_id = :t",
        "sku_stock_sum": "SELECT sum(on_hand) FROM app.stock WHERE tenant_id = :t",
        "sku_price_sum": "SELECT sum(price_fen) FROM app.prices WHERE tenant_id = :t",
        "sku_stock_value": f"SELECT sum(p.price_fen * s.on_hand) {priced}",
        "spu_off_sale": "SELECT count(*) FROM app.spus WHERE tenant_id = :t AND status = 'off_sale'",
    }
    for name, statement in counts.items():
        figures.append(
            Figure(name=name, expected=expected[name], got=await context.number(tenant, statement))
        )
    several = await context.rows(
        tenant,
        "SELECT p.code, count(*) FROM app.skus k JOIN app.spus p ON p.tenant_id = k.tenant_id AND p.id = k.spu_id"
        " WHERE k.tenant_id = :t AND p.tenant_id = :t GROUP BY p.code HAVING count(*) > 1",
    )
    lists = {
        "spu_without_sku": "SELECT p.code FROM app.spus p WHERE p.tenant_id = :t AND NOT EXISTS"
        " (SELECT FROM app.skus k WHERE k.tenant_id = :t AND k.spu_id = p.id)",
        "spu_unknown_category": "SELECT code FROM app.spus WHERE tenant_id = :t AND category_id IS NULL",
        "sku_image_not_a_url": "SELECT code FROM app.skus WHERE tenant_id = :t AND image IS NULL ORDER BY code",
    }
    figures.append(
        Figure(name="spu_with_several_sku", expected=expected["spu_with_several_sku"], got=dict(several))
    )
    for name, statement in lists.items():
        found = [code for (code,) in await context.rows(tenant, statement)]
        figures.append(Figure(name=name, expected=expected[name], got=found))
    return figures
