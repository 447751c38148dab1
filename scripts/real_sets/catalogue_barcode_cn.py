"""Supermarket articles with EAN barcodes, almost none with a price."""

from scripts.real_sets.context import Context, Figure

NAME = "catalogue_barcode_cn"
FOLDER = "open/catalogue_barcode_cn"


async def run(context: Context) -> list[Figure]:
    """Import and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    tenant = await context.tenant("barcodes")
    outcome = await context.load(
        tenant,
        "catalogue",
        file=context.folder / FOLDER / "goods.csv",
        mapping="barcode_articles",
        figures=figures,
    )
    lengths = await context.rows(
        tenant, "SELECT length(barcode)::text, count(*) FROM app.skus WHERE tenant_id = :t GROUP BY 1"
    )
    twice = await context.rows(
        tenant,
        "SELECT barcode, count(*) FROM app.skus WHERE tenant_id = :t GROUP BY 1 HAVING count(*) > 1",
    )
    counts = {
        "rows": "SELECT count(*) FROM app.skus WHERE tenant_id = :t",
        "rows_without_sale_price": "SELECT count(*) FROM app.skus k WHERE k.tenant_id = :t AND NOT EXISTS"
        " (SELECT FROM app.prices p WHERE p.tenant_id = :t AND p.sku_id = k.id)",
        "names_starting_with_stray_A": "SELECT count(*) FROM app.spus WHERE tenant_id = :t AND title LIKE 'A%'",
        "names_used_more_than_once": "SELECT count(*) FROM (SELECT title FROM app.spus WHERE tenant_id = :t"
        " GROUP BY title HAVING count(*) > 1) AS repeated",
    }
    for name, statement in counts.items():
        figures.append(
            Figure(name=name, expected=expected[name], got=await context.number(tenant, statement))
        )
    wrong = len(expected["barcode_not_digits"]) + expected["barcode_check_digit_wrong"]["count"]
    figures += [
        Figure(name="barcode_lengths", expected=expected["barcode_lengths"], got=dict(lengths)),
        Figure(
            name="barcodes_used_more_than_once",
            expected=expected["barcodes_used_more_than_once"],
            got=dict(twice),
        ),
        Figure(name="barcodes reported as doubtful", expected=wrong, got=outcome.warnings),
    ]
    return figures
