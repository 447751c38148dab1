"""A slice of real invoice lines goes all the way: imported with its dirt, attributed, booked, closed; every total counted a second way.

Skipped where the data is not there: it is not ours to ship.
"""

import csv
import gzip
from collections import Counter
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from orders.history.queries import By, class_totals, refund_totals, sales_totals
from scripts.real_sets.context import MAPPINGS, Context
from scripts.real_sets.order_books import agree_on_rate, open_stores, settle
from settlement.queries import statements
from storefront.imports.kinds import KINDS
from storefront.imports.mapping import read_mapping
from storefront.imports.run import ImportRequest, import_file
from storefront.settings import Settings
from tenants.kernel.scope import Database, TenantScope

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "open" / "orders_online_retail"
LINES = 6_000
ZONE = "Asia/Shanghai"
SOURCE = "online-retail"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public order files are not beside the checkout"
)


@pytest.fixture
def slice_of_month(tmp_path: Path) -> Path:
    """The first lines of one month, as they stand."""
    path = tmp_path / "slice.csv"
    with gzip.open(min(FOLDER.glob("*.csv.gz")), "rt", encoding="utf-8", newline="") as file:
        path.write_text(
            "".join(line for line, _ in zip(file, range(LINES + 1), strict=False)), encoding="utf-8"
        )
    return path


def cents(row: dict[str, str]) -> int:
    """One line's amount, counted without any code of ours."""
    amount = Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


async def test_real_invoice_lines_are_settled_to_the_fen(
    tenant: TenantScope, database: Database, settings: Settings, slice_of_month: Path, tmp_path: Path
) -> None:
    with slice_of_month.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sold = [row for row in rows if not row["InvoiceNo"].startswith("C") and int(row["Quantity"]) > 0]
    back = [row for row in rows if row["InvoiceNo"].startswith("C")]
    context = Context(
        database=database, folder=FOLDER, keys=settings.key_ring(), reports=tmp_path, prefix=str(tenant.tenant_id)[:8],
        say=lambda _line: None,
    )  # fmt: skip
    countries = Counter(row["Country"] for row in rows)
    await open_stores(tenant, {country: country for country in countries}, time_zone=ZONE)
    at_the_mall = countries.most_common(2)[1][0]
    await agree_on_rate(context, tenant, codes=[at_the_mall], time_zone=ZONE)

    request = ImportRequest(
        kind=KINDS["orders"],
        path=slice_of_month,
        mapping=read_mapping(MAPPINGS / "orders_online_retail.toml"),
    )
    outcome = await import_file(tenant, request, now=datetime.now(UTC))
    again = await import_file(tenant, request, now=datetime.now(UTC))

    assert outcome.rows_read == LINES == outcome.imported + outcome.refused
    assert outcome.refused == LINES - len(sold) - len(back)
    assert (again.imported, again.unchanged) == (0, outcome.imported)
    async with tenant.reading() as db:
        sales = await sales_totals(db, source_name=SOURCE, by=By.STORE)
        refunds = await refund_totals(db, source_name=SOURCE)
        classes = await class_totals(db, source_name=SOURCE)
    assert {store: each.total_fen for store, each in sales.items()} == _by_country(sold)
    assert refunds[""].amount_fen == -sum(cents(row) for row in back)
    assert sum(each.lines for each in classes) == len(sold) + len(back)

    for figure in await settle(context, tenant, source_name=SOURCE):
        assert figure.agrees, figure
    async with tenant.reading() as db:
        closed = await statements(db, month=date(2010, 12, 1))
    goods = [
        row for row in (*sold, *back) if row["Country"] == at_the_mall and row["StockCode"][:5].isdigit()
    ]
    mall = next(each for each in closed if each.party.kind == "mall")
    assert mall.closing_fen == sum(_mall_part(cents(row)) for row in goods)
    everything = sum(cents(row) for row in (*sold, *back))
    assert sum(each.closing_fen for each in closed) == everything


def _by_country(rows: list[dict[str, str]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["Country"]] += cents(row)
    return dict(sums)


def _mall_part(amount: int) -> int:
    """Eighteen percent, rounded down on either side of nothing."""
    part = abs(amount) * 1_800 // 10_000
    return part if amount >= 0 else -part
