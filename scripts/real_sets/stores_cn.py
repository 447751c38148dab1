"""Two brands' stores in China as two tenants that meet in shared malls; a mall directory; store points of nineteen more brands."""

import csv

from scripts.real_sets.context import Context, Figure
from tenants.kernel.scope import TenantScope

NAME = "stores_cn"
FOLDER = "restricted/stores_cn"
BRANDS = {"DJI": "stores_cn_dji", "Insta360": "stores_cn_insta360"}


async def run(context: Context) -> list[Figure]:
    """Import and compare."""
    expected = context.expected(NAME)
    figures: list[Figure] = []
    folder = context.folder / FOLDER
    tenants = {brand: await context.tenant(brand.lower()) for brand in BRANDS}
    first = next(iter(tenants.values()))
    malls = await context.load(
        first, "malls", file=folder / "malls.csv", mapping="stores_cn_malls", figures=figures
    )
    directory = await context.load(
        first, "malls", file=folder / "malls_amap.csv.gz", mapping="stores_cn_directory", figures=figures
    )
    kept_as_text = 0
    for brand, mapping in BRANDS.items():
        outcome = await context.load(
            tenants[brand], "stores", file=folder / "stores.csv", mapping=mapping, figures=figures
        )
        kept_as_text += await _hours_kept_as_text(context, mapping)
        figures.append(Figure(name=f"{brand}: refused", expected=0, got=outcome.refused))
    figures += [
        Figure(name="malls", expected=expected["malls"], got=malls.imported + malls.unchanged),
        Figure(
            name="malls_amap", expected=expected["malls_amap"], got=directory.imported + directory.unchanged
        ),
    ]
    figures += await _stores(context, tenants, expected["counts"], kept_as_text=kept_as_text)
    figures += await _malls(context, tenants, expected)
    figures += await _points(context, expected)
    return figures


async def _hours_kept_as_text(context: Context, mapping: str) -> int:
    with (context.reports / f"{mapping}.report.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    return sum(line["column"] == "business_hours" and line["outcome"] == "kept_as_text" for line in lines)


async def _stores(
    context: Context, tenants: dict[str, TenantScope], expected: dict[str, int], *, kept_as_text: int
) -> list[Figure]:
    """Counts over both brands."""
    stores = "SELECT count(*) FROM app.stores WHERE tenant_id = :t"
    hours = "SELECT count(*) FROM app.opening_hours WHERE tenant_id = :t"
    wanted = {
        "status:营业中": f"{stores} AND status = 'open'",
        "status:已闭店": f"{stores} AND status = 'closed'",
        "with_mall": f"{stores} AND mall_id IS NOT NULL",
        "no_phone": f"{stores} AND phone IS NULL",
        "no_hours": "SELECT count(*) FROM app.stores s WHERE s.tenant_id = :t AND NOT EXISTS"
        " (SELECT FROM app.opening_hours h WHERE h.tenant_id = :t AND h.level_id = s.id)",
        "newline_in_hours": f"{hours} AND source_text LIKE E'%\\n%'",
    }
    figures = []
    for brand, tenant in tenants.items():
        got = await context.number(tenant, stores)
        figures.append(Figure(name=f"brand:{brand}", expected=expected[f"brand:{brand}"], got=got))
    for name, statement in wanted.items():
        sums = [await context.number(tenant, statement) for tenant in tenants.values()]
        figures.append(Figure(name=name, expected=expected[name], got=sum(sums)))
    read = sum(
        [await context.number(tenant, f"{hours} AND weekly IS NOT NULL") for tenant in tenants.values()]
    )
    texts = sum([await context.number(tenant, hours) for tenant in tenants.values()])
    context.say(f"  opening hours read for certain: {read} of {texts}")
    figures.append(Figure(name="hours: read or reported", expected=texts, got=read + kept_as_text))
    return figures


async def _malls(
    context: Context, tenants: dict[str, TenantScope], expected: dict[str, object]
) -> list[Figure]:
    """What both brands share; the mall table belongs to no tenant."""
    linked = [
        {
            mall
            for (mall,) in await context.rows(
                tenant, "SELECT mall_id FROM app.stores WHERE tenant_id = :t AND mall_id IS NOT NULL"
            )
        }
        for tenant in tenants.values()
    ]
    names: set[str] = set()
    twice: list[list[str]] = []
    for brand, tenant in tenants.items():
        found = await context.rows(
            tenant, "SELECT name FROM app.stores WHERE tenant_id = :t GROUP BY name HAVING count(*) > 1"
        )
        twice += [[brand, name] for (name,) in found]
        texts = await context.rows(tenant, "SELECT source_text FROM app.opening_hours WHERE tenant_id = :t")
        names |= {text for (text,) in texts}
    with (context.folder / FOLDER / "malls.csv").open(encoding="utf-8", newline="") as file:
        codes = [row["mall_id"] for row in csv.DictReader(file)]
    quoted = ", ".join(f"'{code}'" for code in codes if code.isidentifier())
    unknown = await context.number(
        next(iter(tenants.values())),
        f"SELECT count(*) FROM app.malls WHERE province IS NULL AND code IN ({quoted})",
    )
    return [
        Figure(
            name="malls_with_both_brands",
            expected=expected["malls_with_both_brands"],
            got=len(linked[0] & linked[1]),
        ),
        Figure(
            name="malls_with_unknown_province", expected=expected["malls_with_unknown_province"], got=unknown
        ),
        Figure(name="same_brand_and_name_twice", expected=expected["same_brand_and_name_twice"], got=twice),
        Figure(
            name="distinct hours, blanks at the ends apart",
            expected=_distinct_stripped(context),
            got=len(names),
        ),
    ]


def _distinct_stripped(context: Context) -> int:
    with (context.folder / FOLDER / "stores.csv").open(encoding="utf-8", newline="") as file:
        return len({row["business_hours"].strip() for row in csv.DictReader(file)} - {""})


async def _points(context: Context, expected: dict[str, object]) -> list[Figure]:
    """One tenant with a store group per brand."""
    figures: list[Figure] = []
    tenant = await context.tenant("store-points")
    folder = context.folder / FOLDER
    await context.load(
        tenant, "store-groups", file=folder / "brands.csv", mapping="stores_cn_brands", figures=figures
    )
    await context.load(
        tenant, "stores", file=folder / "store_points.csv.gz", mapping="stores_cn_points", figures=figures
    )
    groups = await context.rows(
        tenant,
        "SELECT g.code, count(*) FROM app.stores s JOIN app.store_groups g ON g.tenant_id = s.tenant_id"
        " AND g.id = s.group_id WHERE s.tenant_id = :t AND g.tenant_id = :t GROUP BY g.code",
    )
    figures.append(
        Figure(name="store_points_by_brand", expected=expected["store_points_by_brand"], got=dict(groups))
    )
    return figures
