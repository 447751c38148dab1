"""`storefront settle` as finance runs it: what is shown, and when it ends with 1."""

import asyncio

from click.testing import CliRunner
from rich.console import Console

from settlement.contracts import create_contract
from settlement.statements import PartyMonth
from settlement.states import PartyKind
from settlement.views import PartyView
from storefront.cli.contract_file import contract_of, load_contract
from storefront.cli.main import storefront
from storefront.cli.settle_report import preview_table
from tenants.kernel.ids import PartyId, new_id
from tenants.kernel.money import Fen
from tenants.queries import find_mall
from tests.storefront.cli.test_commands import environment
from tests.support.books import OCTOBER, add_mall, add_store, sell
from tests.support.rows import value
from tests.support.shop import add_product, say

__all__ = ["environment"]


async def verify(tenant):
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    return await asyncio.to_thread(CliRunner().invoke, storefront, ["settle", "verify", "--tenant", code])


async def test_verify_recounts_stock_and_orders_beside_the_books(environment, tenant):
    sound = await verify(tenant)
    assert sound.exit_code == 0, sound.output
    assert "a paid order has its pickup" in sound.output
    async with tenant.writing() as db:
        product = await add_product(db)
        await say(db, product.sku, stock=5, reserved=2)
    broken = await verify(tenant)
    assert broken.exit_code == 1
    assert "reserves 2 not 0" in " ".join(broken.output.split()), broken.output


def test_a_dry_run_shows_parties_by_kind_and_name():
    kinds = {"乙": PartyKind.GUIDE, "甲": PartyKind.GUIDE, "望江天地": PartyKind.MALL}
    parties = {
        (party_id := PartyId(new_id())): PartyView(id=party_id, kind=kind, code=str(new_id()), name=name)
        for name, kind in kinds.items()
    }
    counted = [PartyMonth(party_id=each, earned_fen=Fen(100), lines=1) for each in parties]
    console = Console(width=160)
    with console.capture() as shown:
        console.print(preview_table(counted, parties=parties, title="x"))
    said = shown.get()
    assert said.index("乙") < said.index("甲") < said.index("望江天地")
    assert not any(party.code in said for party in parties.values())


async def settle_by_file(tenant, path, *options):
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    arguments = ["settle", *options, "--tenant", code]
    return await asyncio.to_thread(
        CliRunner().invoke, storefront, [str(path) if each == "FILE" else each for each in arguments]
    )


async def contract_file(tenant, tmp_path, *, rate_bps=1_500, lines=""):
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await sell(db, store_id, 10_000)
        mall = (await find_mall(db, mall_id)).code
    path = tmp_path / "contract.toml"
    path.write_text(
        f'code = "plaza"\nname = "广场"\nactive_from = 2020-01-01T00:00:00+08:00\nstores = ["S1"]\n{lines}\n'
        f'[[rates]]\nparty = {{ kind = "mall", mall = "{mall}" }}\nrate_bps = {rate_bps}\n'
        f'[[period_terms]]\nparty = {{ kind = "mall", mall = "{mall}" }}\nperiod = "month"\n'
        'guarantee_kind = "amount"\nguarantee_fen = 5000\n'
    )
    return path


async def contracts_of(tenant):
    return await value(tenant, "SELECT count(*) FROM app.contracts WHERE tenant_id = :t AND code = 'plaza'")


async def test_a_contract_is_tried_first_and_then_made_from_its_file(environment, tenant, tmp_path):
    path = await contract_file(tenant, tmp_path)
    tried = await settle_by_file(tenant, path, "contract", "FILE", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "nothing kept" in tried.output
    assert "15.00" in tried.output
    assert "calendar months" in tried.output
    assert await contracts_of(tenant) == 0
    made = await settle_by_file(tenant, path, "contract", "FILE")
    assert made.exit_code == 0, made.output
    assert await contracts_of(tenant) == 1


async def test_a_rehearsal_shows_was_would_be_and_difference(environment, tenant, tmp_path):
    path = await contract_file(tenant, tmp_path)
    shown = await settle_by_file(tenant, path, "rehearse", "--month", "2026-10", "--contract", "FILE")
    assert shown.exit_code == 0, shown.output
    words = shown.output.split()
    assert {"100.00", "15.00", "35.00", "50.00", "-50.00"} <= set(words), shown.output
    assert await contracts_of(tenant) == 0


async def test_a_contract_that_cannot_be_is_told_by_its_field_and_ends_with_1(environment, tenant, tmp_path):
    wrong = await settle_by_file(
        tenant, await contract_file(tenant, tmp_path, lines='base = "ex_tax"'), "contract", "FILE"
    )
    assert (wrong.exit_code, "taxBps" in wrong.output) == (1, True), wrong.output
    (tmp_path / "broken.toml").write_text("code = ")
    broken = await settle_by_file(tenant, tmp_path / "broken.toml", "contract", "FILE")
    assert broken.exit_code == 1, broken.output
    told = (tmp_path / "contract.toml").read_text()
    (tmp_path / "late.toml").write_text(told.replace('base = "ex_tax"', "cut_off_day = 35"))
    late = await settle_by_file(tenant, tmp_path / "late.toml", "contract", "FILE")
    assert (late.exit_code, "cut_off_day: Expected" in late.output) == (1, True), late.output
    (tmp_path / "unknown.toml").write_text('code = "plaza"\nstores = ["NOPE"]\n')
    unknown = await settle_by_file(tenant, tmp_path / "unknown.toml", "contract", "FILE")
    assert (unknown.exit_code, "NOPE" in unknown.output) == (1, True), unknown.output


async def test_the_example_is_a_contract(tenant, tmp_path):
    shown = await asyncio.to_thread(CliRunner().invoke, storefront, ["settle", "contract", "--example"])
    path = tmp_path / "example.toml"
    path.write_text(shown.output)
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        for code in ("S01", "S02"):
            await add_store(db, code, mall_id=mall_id)
        mall = (await find_mall(db, mall_id)).code
    path.write_text(shown.output.replace('"PLAZA"', f'"{mall}"'))
    async with tenant.writing() as db:
        made = await create_contract(
            db, await contract_of(db, load_contract(path)), created_by="staff:test", now=OCTOBER
        )
    rules = made.period_terms[0].rules
    assert (made.cut_off_day, len(made.rates), rules.cap_fen) == (25, 3, 12_000_000)
    assert rules.returns_count == "when_returned"


async def test_a_contract_that_counts_returns_when_it_sold_says_so(environment, tenant, tmp_path):
    path = await contract_file(tenant, tmp_path)
    path.write_text(path.read_text() + 'returns_count = "when_sold"\n')
    shown = await settle_by_file(tenant, path, "contract", "FILE")
    assert shown.exit_code == 0, shown.output
    assert "which is then reckoned again" in " ".join(shown.output.split())
    rules = await value(tenant, "SELECT rules FROM app.contract_period_terms WHERE tenant_id = :t")
    assert rules["returnsCount"] == "when_sold"
    path.write_text(path.read_text().replace('"when_sold"', '"sometimes"'))
    wrong = await settle_by_file(tenant, path, "contract", "FILE")
    assert (wrong.exit_code, "returns_count" in wrong.output) == (1, True), wrong.output
