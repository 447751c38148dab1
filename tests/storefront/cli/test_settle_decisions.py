"""What finance decides beside signing: agreements on paper, corrections, disputes, differences. Dry runs keep nothing, refusals end with 1."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from settlement.disputes.queries import disputes
from settlement.disputes.views import DisputeView
from settlement.reconciliation.queries import Wanted, differences
from settlement.reconciliation.states import DifferenceState
from settlement.reconciliation.views import DifferenceView
from settlement.signing.queries import adjustments
from settlement.signing.states import AdjustmentState
from settlement.signing.views import AdjustmentView
from settlement.views import StatementView
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tests.storefront.cli.test_commands import environment
from tests.support.bills import FIRST as BILL_DAY
from tests.support.bills import a_day, account_of_tenant, file_of, rows_of, take_in, write_books
from tests.support.books import open_mall_store, sell
from tests.support.people import Person, person, settle
from tests.support.rows import rows, value
from tests.support.statements import close, stated

__all__ = ["environment"]

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
FIRST = EARLIER.date().replace(day=1)
MONTH = EARLIER.strftime("%Y-%m")


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A brand whose month is closed with 15.00 for its mall, and two of its people."""

    tenant: TenantScope
    lin: Person
    wang: Person

    async def statement(self) -> StatementView:
        return await stated(self.tenant, month=FIRST)

    async def asked(self) -> AdjustmentView:
        async with self.tenant.reading() as db:
            return (await adjustments(db))[0]

    async def disputes(self) -> list[DisputeView]:
        about = (await self.statement()).id
        async with self.tenant.reading() as db:
            return await disputes(db, about)


@pytest.fixture
async def shop(environment, tenant: TenantScope, passwords, tmp_path: Path) -> Shop:
    mall_store = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, mall_store.store_id, 10_000, at=EARLIER)
    lin, wang = [
        await person(tenant, login, passwords=passwords, folder=tmp_path) for login in ("lin", "wang")
    ]
    await close(tenant, FIRST, now=datetime.now(UTC))
    return Shop(tenant=tenant, lin=lin, wang=wang)


async def test_an_agreement_on_paper_is_noted_with_its_evidence(shop: Shop) -> None:
    asked = ("agree", "--statement", str((await shop.statement()).id), "--evidence", "盖章原件 11-03")
    assert (await settle(shop.tenant, *asked, "--dry-run")).exit_code == 0
    assert (await settle(shop.tenant, *asked, "--dry-run", by=shop.lin)).exit_code == 0
    assert (await shop.statement()).agreed_at is None
    for _ in range(2):
        assert (await settle(shop.tenant, *asked, by=shop.lin)).exit_code == 0
    assert (await shop.statement()).agreed_by == shop.lin.actor
    noted = "SELECT reason FROM app.audit_log WHERE tenant_id = :t AND action = 'agree_to_statement'"
    assert await value(shop.tenant, noted) == "盖章原件 11-03"


async def test_a_correction_is_asked_for_by_one_and_decided_by_another(shop: Shop) -> None:
    about = str((await shop.statement()).id)
    asked = (
        "adjustments", "propose", "--statement", about, "--contract", "mall", "--amount", "-0.77",
        "--reason", "多记[一]笔", "--restates",
    )  # fmt: skip
    dry = await settle(shop.tenant, *asked, "--dry-run", by=shop.lin)
    assert (dry.exit_code, "-0.77" in dry.output, "多记[一]笔" in dry.output) == (0, True, True), dry.output
    assert await rows(shop.tenant, "SELECT 1 FROM app.adjustments WHERE tenant_id = :t") == []
    assert (await settle(shop.tenant, *asked, by=shop.lin)).exit_code == 0
    decide = ("adjustments", "decide", str((await shop.asked()).id))
    own = await settle(shop.tenant, *decide, "--agree", by=shop.lin)
    assert (own.exit_code, "second person" in own.output) == (1, True)
    assert (await settle(shop.tenant, *decide, "--refuse", by=shop.wang)).exit_code == 2
    assert (await settle(shop.tenant, *decide, "--agree", "--dry-run", by=shop.wang)).exit_code == 0
    assert (await shop.asked()).state is AdjustmentState.PROPOSED
    assert (await settle(shop.tenant, *decide, "--agree", by=shop.wang)).exit_code == 0
    assert (await shop.statement()).version == 2
    twice = await settle(shop.tenant, *decide, "--agree", by=shop.wang)
    assert (twice.exit_code, "decided already" in twice.output) == (1, True)
    listed = await settle(shop.tenant, "adjustments", "list", "--state", "booked")
    assert ("wang 20" in listed.output, MONTH in listed.output) == (True, True), listed.output


@pytest.mark.parametrize(
    ("wrong", "code", "why"),
    [
        (("--amount", "0.005"), 2, "fractions of a fen"),
        (("--amount", "1", "--contract", "nope"), 1, "is no contract here"),
        (("--amount", "1", "--party", "nobody"), 1, "there is no such party"),
        (("--amount", "1", "--store", "nope"), 1, "nope"),
        (("--amount", "0"), 1, "corrects nothing"),
    ],
)
async def test_a_correction_that_cannot_be_is_told_by_what_is_wrong(
    shop: Shop, wrong: tuple[str, ...], code: int, why: str
) -> None:
    asked = ("adjustments", "propose", "--statement", str((await shop.statement()).id), "--contract", "mall", "--reason", "漏记")  # fmt: skip
    done = await settle(shop.tenant, *asked, *wrong, by=shop.lin)
    assert (done.exit_code, why in " ".join(done.output.split())) == (code, True), done.output
    assert await rows(shop.tenant, "SELECT 1 FROM app.adjustments WHERE tenant_id = :t") == []


async def test_their_file_is_matched_answered_and_the_dispute_resolved(shop: Shop, tmp_path: Path) -> None:
    about = ("--statement", str((await shop.statement()).id))
    number = await value(shop.tenant, "SELECT order_no FROM app.orders WHERE tenant_id = :t")
    file = tmp_path / "mall.csv"
    match = ("disputes", "match", *about, "--file", str(file), "--order", "订单", "--amount", "金额")
    file.write_text(f"订单,金额\n{number},x\n", encoding="utf-8")
    assert (await settle(shop.tenant, *match, by=shop.lin)).exit_code == 1
    file.write_text(f"订单,金额\n{number},15.00\nN-9,0.50\n", encoding="utf-8")
    dry = await settle(shop.tenant, *match, "--dry-run", by=shop.lin)
    assert (dry.exit_code, "missing_here" in dry.output) == (1, True), dry.output
    assert (await shop.disputes(), (await shop.statement()).state) == ([], "closed")
    differs = await settle(shop.tenant, *match, by=shop.lin)
    assert (differs.exit_code, "missing_here" in differs.output) == (1, True)
    [dispute] = await shop.disputes()
    waiting = await settle(shop.tenant, "disputes", "list", *about)
    assert (waiting.exit_code, str(dispute.id) in waiting.output) == (1, True)
    one = ("--dispute", str(dispute.id))
    resolve = ("disputes", "resolve", *one, "--resolution", "已核对")
    open_still = await settle(shop.tenant, *resolve, by=shop.lin)
    assert (open_still.exit_code, "without an answer" in open_still.output) == (1, True)
    answer = ("disputes", "answer", *one, "--number", "1", "--reason", "无此订单")
    assert (await settle(shop.tenant, *answer, by=shop.lin)).exit_code == 2
    answered = await settle(
        shop.tenant, *answer, "--theirs", "--contract", "mall", "--amount", "0.30", by=shop.lin
    )
    assert (answered.exit_code, "theirs_stand" in answered.output) == (0, True), answered.output
    assert ((await shop.asked()).amount_fen, (await shop.asked()).proposed_by) == (30, shop.lin.actor)
    assert (await settle(shop.tenant, *answer, "--ours", by=shop.lin)).exit_code == 1
    assert (await settle(shop.tenant, *resolve, by=shop.wang)).exit_code == 0
    assert (await settle(shop.tenant, "disputes", "list", *about)).exit_code == 0
    assert (await shop.statement()).state == "resolved"


async def test_their_file_that_agrees_ends_with_0(shop: Shop, tmp_path: Path) -> None:
    about = ("--statement", str((await shop.statement()).id))
    assert (
        await settle(shop.tenant, "disputes", "open", *about, "--reason", "金额不符", by=shop.lin)
    ).exit_code == 0
    number = await value(shop.tenant, "SELECT order_no FROM app.orders WHERE tenant_id = :t")
    file = tmp_path / "mall.csv"
    file.write_text(f"订单,金额\n{number},100.00\n", encoding="utf-8")
    asked = (
        "disputes",
        "match",
        *about,
        "--file",
        str(file),
        "--order",
        "订单",
        "--amount",
        "金额",
        "--compares",
        "base",
    )
    agrees = await settle(shop.tenant, *asked, by=shop.lin)
    assert agrees.exit_code == 0, agrees.output


@pytest.fixture
async def found(environment, tenant: TenantScope) -> list[DifferenceView]:
    """A day whose bill lacks a payment and lists a stranger."""
    sold, stranger = a_day(BILL_DAY, 2, fens=[100, 200]), a_day(BILL_DAY, 1, fens=[999], mark="X")
    async with tenant.writing() as db:
        account = await account_of_tenant(db)
        await write_books(db, sold, day=BILL_DAY, merchant_id=account.merchant_id)
    await take_in(
        tenant, file_of(rows_of([*sold[1:], *stranger], account.name)), day=BILL_DAY, account=account
    )
    async with tenant.reading() as db:
        return (await differences(db, Wanted(), now=datetime.now(UTC))).differences


async def test_differences_are_listed_assigned_and_settled_with_a_reason(
    tenant: TenantScope, found: list[DifferenceView], passwords, tmp_path: Path
) -> None:
    lin = await person(tenant, "lin", passwords=passwords, folder=tmp_path)
    ids = [str(each.id) for each in found]
    listed = await settle(tenant, "differences", "list")
    assert (listed.exit_code, all(each in listed.output for each in ids)) == (1, True), listed.output
    assert (await settle(tenant, "differences", "list", "--class", "amount")).exit_code == 0
    shown = await settle(tenant, "differences", "show", ids[0])
    assert (shown.exit_code, "amountFen" in shown.output) == (0, True), shown.output
    assert (await settle(tenant, "differences", "assign", *ids, "--owner", "林会计", by=lin)).exit_code == 0
    mine = await settle(tenant, "differences", "list", "--owner", "林会计")
    assert all(each in mine.output for each in ids)
    settled = ("differences", "resolve", *ids, "--reason", "渠道已确认")
    dry = await settle(tenant, *settled, "--dry-run", by=lin)
    assert (dry.exit_code, dry.output.count("resolved")) == (0, len(ids)), dry.output
    half = await settle(tenant, *settled[:3], str(new_id()), *settled[4:], by=lin)
    assert half.exit_code == 1
    async with tenant.reading() as db:
        assert (
            len(
                (await differences(db, Wanted(state=DifferenceState.OPEN), now=datetime.now(UTC))).differences
            )
            == 2
        )
    assert (await settle(tenant, *settled, by=lin)).exit_code == 0
    assert (await settle(tenant, "differences", "list")).exit_code == 0
    again = await settle(tenant, *settled, by=lin)
    assert (again.exit_code, "closed already" in again.output) == (1, True)
    blank = await settle(tenant, *settled[:4], "--reason", " ", by=lin)
    assert blank.exit_code == 2


async def test_claims_are_shown_by_party(shop: Shop) -> None:
    shown = await settle(shop.tenant, "claims")
    assert (shown.exit_code, "0 parties with claims" in shown.output) == (0, True), shown.output
    assert (await settle(shop.tenant, "claims", "--party", "nobody")).exit_code == 1


async def test_an_invoice_is_noted_once_beside_its_statement(shop: Shop) -> None:
    about = ("--statement", str((await shop.statement()).id))
    note = ("invoices", "note", *about, "--no", "044-17", "--on", "2026-11-05", "--amount", "15.00")
    wrong = await settle(shop.tenant, *note, "--tax", "15.00", by=shop.lin)
    assert (wrong.exit_code, "1500 of 1500" in wrong.output) == (1, True), wrong.output
    assert (await settle(shop.tenant, *note, "--tax", "0.85", "--dry-run", by=shop.lin)).exit_code == 0
    assert (await settle(shop.tenant, *note, "--tax", "0.85", by=shop.lin)).exit_code == 0
    assert (await settle(shop.tenant, *note, "--tax", "0.85", by=shop.lin)).exit_code == 1
    listed = await settle(shop.tenant, "invoices", "list", *about)
    assert (listed.exit_code, listed.output.count("044-17")) == (0, 1), listed.output
