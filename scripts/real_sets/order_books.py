"""What the order data sets share: stores by code, a mall with a rate at some of them, months closed, and the three books compared."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orders.history.queries import By, refund_totals, sales_totals
from scripts.real_sets.context import MAPPINGS, Context, Figure
from settlement.agreements.queries import contracts
from settlement.close import close_month, closing_totals
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.queries import statements
from settlement.states import PartyKind
from storefront.imports.mapping import read_mapping
from storefront.imports.reading import Row, open_source
from tenants.commands import RegisterMall
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.scope import TenantScope
from tenants.open_store import register_mall
from tenants.queries import store_ids_by_code

MALL_RATE = 1_800
AT_ONCE = 1_000
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)


async def open_stores(tenant: TenantScope, names: dict[str, str], *, time_zone: str) -> None:
    """Stores with these codes and names."""
    rows = [
        StoreRow(number=number, code=code, name=name, time_zone=time_zone)
        for number, (code, name) in enumerate(sorted(names.items()), start=1)
    ]
    for start in range(0, len(rows), AT_ONCE):
        async with tenant.writing() as db:
            await import_stores(db, rows[start : start + AT_ONCE], now=datetime.now(UTC))


async def agree_on_rate(
    context: Context, tenant: TenantScope, *, codes: Sequence[str], time_zone: str
) -> None:
    """A mall takes its rate of the goods sold at these stores; carriage and fees stay the brand's."""
    async with context.database.platform() as db:
        mall = await register_mall(
            db, RegisterMall(code=f"{context.prefix}-galleria", name="Galleria 示例商场")
        )
    party = NamedParty(kind=PartyKind.MALL, mall_id=mall.id)
    rates = {"": MALL_RATE, "freight": 0, "other": 0}
    async with tenant.writing() as db:
        if await contracts(db, code="galleria"):
            return
        command = CreateContract(
            code="galleria",
            name="Galleria 示例商场联营",
            active_from=BEFORE_ALL,
            store_ids=list((await store_ids_by_code(db, list(codes))).values()),
            rates=[
                ContractRateRow(party=party, rate_bps=rate, category_code=category)
                for category, rate in rates.items()
            ],
            time_zone=time_zone,
        )
        await create_contract(db, command, created_by="script:real-data", now=datetime.now(UTC))


async def settle(context: Context, tenant: TenantScope, *, source_name: str) -> list[Figure]:
    """Close every month and compare orders, ledger and statements, each month and together."""
    async with tenant.reporting() as db:
        sold = await sales_totals(db, source_name=source_name, by=By.MONTH)
        back = await refund_totals(db, source_name=source_name, by=By.MONTH)
    months = sorted({*sold, *back})
    last = date.fromisoformat(f"{months[-1]}-01")
    now = datetime.now(UTC)
    closings = await close_month(tenant, last, closed_by="script:real-data", now=now, through=True)
    figures = []
    for month in months:
        orders = sold[month].settled_fen if month in sold else 0
        orders -= back[month].amount_fen if month in back else 0
        async with tenant.reporting() as db:
            day = date.fromisoformat(f"{month}-01")
            books = await closing_totals(db, day, written=await statements(db, month=day))
        got = (books.orders_fen, books.ledger_fen, books.statements_fen)
        figures.append(Figure(name=f"{month}: orders = ledger = statements", expected=(orders,) * 3, got=got))
    owed = {each.party.name: each.closing_fen for each in closings[-1].statements}
    context.say(f"  {len(months)} months closed; owed at the end (fen): {owed}")
    again = await close_month(tenant, last, closed_by="script:real-data", now=now, through=True)
    figures.append(Figure(name="closing again changes nothing", expected=True, got=again[-1].already_closed))
    return figures


def refused_rows(file: Path, report: Path | None, *, mapping: str) -> list[Row]:
    """The rows of a file that its report refuses."""
    if report is None:
        return []
    with report.open(encoding="utf-8-sig", newline="") as lines:
        numbers = {int(line["row"]) for line in csv.DictReader(lines) if line["outcome"] == "refused"}
    source = open_source(file, read_mapping(MAPPINGS / f"{mapping}.toml").source)
    return [row for row in source.rows() if row.number in numbers]


def compared(name: str, expected: dict[str, Any], *, got: dict[str, Any]) -> list[Figure]:
    """One figure for every key that the files' own count has; what was not found counts as nothing."""
    return [
        Figure(name=f"{name} {key}".strip(), expected=value, got=got.get(key, 0))
        for key, value in expected.items()
    ]
