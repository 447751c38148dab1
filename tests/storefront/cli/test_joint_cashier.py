"""A partner's statement as finance takes it in: what it keeps beside what was agreed, and the sales that only it knows."""

import asyncio
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from orders.states import Source
from settlement.posting.pending import post_pending
from settlement.verify import verify_books
from storefront.cli.main import storefront
from tests.storefront.cli.test_commands import environment
from tests.storefront.cli.test_reconcile import report_of
from tests.storefront.cli.test_reconcile import run as reconcile
from tests.support.books import add_store, sell
from tests.support.rows import rows, value

__all__ = ["environment"]
HEAD = "external_no,business_on,gross,deduction,fee,net,kind,refund_of"
VARIANCE = "SELECT coalesce(sum(-balance_fen), 0) FROM app.ledger_accounts WHERE tenant_id = :t AND name = 'joint:variance'"
CLASSES = "SELECT match_class, key, amount_fen FROM app.differences WHERE tenant_id = :t AND state = 'open' ORDER BY 1, 2"


async def agree(tenant, *, bps=1_500, fee=60, day="2026-01-01", store="S-JD", **more):
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    asked = [
        "--source-name",
        "till",
        "--from",
        day,
        "--deduction-bps",
        str(bps),
        "--fee-bps",
        str(fee),
        "--store",
        store,
    ]
    command = [
        "settle",
        "cashier-terms",
        "--tenant",
        code,
        *asked,
        *(f"--{name}={each}" for name, each in more.items()),
    ]
    return await asyncio.to_thread(CliRunner().invoke, storefront, command)


async def take(tenant, tmp_path, *lines, name="jd.csv", more=()):
    file = tmp_path / name
    file.write_text("\n".join([HEAD, *lines]), encoding="utf-8")
    return await reconcile(tenant, "--kind", "cashier", "--source-name", "till", "--file", str(file), *more)


@pytest.fixture
async def sold(tenant):
    """Two imported sales of 100.00 at a store, booked; their numbers and day."""
    async with tenant.writing() as db:
        store = await add_store(db, "S-JD")
        sales = [await sell(db, store, 10_000, source=Source.HISTORY) for _ in range(2)]
    await post_pending(tenant, now=datetime.now(UTC))
    numbers = [
        await value(tenant, "SELECT external_no FROM app.orders WHERE tenant_id = :t AND id = :o", o=sale.id) for sale in sales
    ]  # fmt: skip
    return [*numbers, await value(tenant, "SELECT business_on FROM app.orders WHERE tenant_id = :t LIMIT 1")]


async def test_terms_are_set_once_shown_and_never_edited(environment, tenant, sold):
    assert (await agree(tenant)).exit_code == 0
    assert "15 %" in (await agree(tenant)).output
    other = await agree(tenant, bps=1_400)
    assert (other.exit_code, "Other terms stand" in other.output) == (1, True), other.output
    unknown = await agree(tenant, store="S-nowhere", day="2026-02-01")
    assert (unknown.exit_code, "S-nowhere" in unknown.output) == (1, True), unknown.output


async def test_what_the_partner_keeps_beyond_the_agreement_is_a_class_of_its_own_with_its_account(
    environment, tenant, sold, tmp_path
):
    first, second, day = sold
    assert (await agree(tenant)).exit_code == 0
    honest = f"{first},{day},100.00,15.00,0.60,84.40,order,"
    shown = await take(tenant, tmp_path, honest, f"{second},{day},100.00,16.00,0.61,83.39,order,")
    assert shown.exit_code == 1, shown.output
    assert await rows(tenant, CLASSES) == [("variance", f"variance:order:{second}", 101)]
    assert await value(tenant, VARIANCE) == 101
    assert "variance 1" in shown.output
    # The partner corrects its statement: the step back is booked, and nothing is left open.
    again = await take(tenant, tmp_path, honest, f"{second},{day},100.00,15.00,0.60,84.40,order,")
    assert again.exit_code == 0, again.output
    assert await rows(tenant, CLASSES) == []
    assert await value(tenant, VARIANCE) == 0
    assert (
        await value(
            tenant, "SELECT count(*) FROM app.journals WHERE tenant_id = :t AND cause = 'joint_variance'"
        )
        == 2
    )
    same = await take(tenant, tmp_path, honest, f"{second},{day},100.00,15.00,0.60,84.40,order,")
    assert report_of(same) == report_of(again)
    await sound(tenant)


async def test_without_terms_a_wrong_deduction_is_seen_by_nobody(environment, tenant, sold, tmp_path):
    """The control: sums and gross amounts agree, and the partner keeps half of it."""
    first, second, day = sold
    lines = [f"{each},{day},100.00,50.00,0.60,49.40,order," for each in (first, second)]
    assert (await take(tenant, tmp_path, *lines)).exit_code == 0
    assert (await agree(tenant)).exit_code == 0
    assert (await take(tenant, tmp_path, *lines)).exit_code == 1
    assert await value(tenant, VARIANCE) == 2 * 3_500


async def test_sales_that_only_the_statement_knows_are_made_from_it_and_refunds_wait_for_their_order(
    environment, tenant, sold, tmp_path
):
    first, second, day = sold
    assert (await agree(tenant)).exit_code == 0
    known = [f"{each},{day},100.00,15.00,0.60,84.40,order," for each in (first, second)]
    early = f"JR-9,{day},30.00,4.50,0.18,25.32,refund,J-9"
    waits = await take(tenant, tmp_path, *known, early, more=["--create-missing"])
    assert waits.exit_code == 1
    assert "refund JR-9 waits for its order" in waits.output
    assert [row.key for row in await rows(tenant, CLASSES)] == ["refund:JR-9"]
    order = f"J-9,{day},80.00,12.00,0.48,67.52,order,"
    made = await take(tenant, tmp_path, *known, early, order, more=["--create-missing"])
    assert made.exit_code == 0, made.output
    assert "1 orders, 1 refunds" in made.output
    facts = "SELECT external_status, paid_fen, refunded_fen FROM app.orders WHERE tenant_id = :t AND external_no = 'J-9'"
    assert await rows(tenant, facts) == [("statement", 8_000, 3_000)]
    assert await rows(tenant, CLASSES) == []
    again = await take(tenant, tmp_path, *known, early, order, more=["--create-missing"])
    assert (again.exit_code, "0 orders, 0 refunds" in again.output) == (0, True), again.output
    assert await value(tenant, VARIANCE) == 0
    await sound(tenant)


async def test_without_terms_nobody_knows_whose_sales_they_are(environment, tenant, sold, tmp_path):
    *_, day = sold
    shown = await take(tenant, tmp_path, f"J-1,{day},80.00,,,,order,", more=["--create-missing"])
    assert shown.exit_code == 1
    assert "no terms of till" in shown.output
    assert (
        await value(tenant, "SELECT count(*) FROM app.orders WHERE tenant_id = :t AND external_no = 'J-1'")
        == 0
    )


async def sound(tenant):
    async with tenant.reading() as db:
        report = await verify_books(db)
    assert [f"{each.law}: {each.examples}" for each in report.findings if each.broken] == []
