"""Product files in the common shop export: words in a product's first row, variants below, image rows between; no codes at all."""

from scripts.real_sets.context import Context, Figure

NAME = "catalogue_shopify"
FOLDER = "restricted/catalogue_shopify"


async def run(context: Context) -> list[Figure]:
    """Import each file as a brand of its own and compare."""
    figures: list[Figure] = []
    for file, expected in context.expected(NAME).items():
        tenant = await context.tenant(f"export-{file.removesuffix('.csv')}")
        path = context.folder / FOLDER / file
        outcome = await context.load(
            tenant, "catalogue", file=path, mapping="product_export", figures=figures
        )
        await context.load(tenant, "stock", file=path, mapping="product_export_stock", figures=figures)
        figures += [
            Figure(name=f"{file}: rows", expected=expected["rows"], got=outcome.rows_read),
            Figure(
                name=f"{file}: image_only_rows", expected=expected["image_only_rows"], got=outcome.left_out
            ),
        ]
        counts = {
            "handles": "SELECT count(*) FROM app.spus WHERE tenant_id = :t",
            "variant_rows": "SELECT count(*) FROM app.skus WHERE tenant_id = :t",
            "variant_price_sum": "SELECT sum(price_fen) FROM app.prices WHERE tenant_id = :t",
            "inventory_sum": "SELECT sum(on_hand) FROM app.stock WHERE tenant_id = :t",
        }
        for name, statement in counts.items():
            got = await context.number(tenant, statement)
            figures.append(Figure(name=f"{file}: {name}", expected=expected[name], got=got))
    return figures
