"""Closing, signing and paying in tests: a shop whose October is closed, and short ways to what people then do."""

from datetime import UTC, date, datetime

from settlement.close import close_month
from settlement.payouts.commands import PreparePayout, RecordOutcome, SetPayee
from settlement.payouts.outcome import record_outcome
from settlement.payouts.payees import set_payee
from settlement.payouts.prepare import prepare_payout
from settlement.payouts.release import release_payout
from settlement.payouts.states import LineState, PayeeKind
from settlement.payouts.views import PayoutView, PreparedPayout
from settlement.queries import statements
from settlement.signing.adjust import decide_adjustment, propose_adjustment
from settlement.signing.commands import DecideAdjustment, ProposeAdjustment
from settlement.signing.standing import approve_statement
from settlement.signing.views import AdjustmentView
from settlement.verify import verify_books
from settlement.views import ClosingView, StatementView
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import ContractId, PartyId
from tenants.kernel.scope import TenantScope
from tests.support.rows import value

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)
CLOSER, SECOND, THIRD = "staff:closer", "staff:second", "staff:third"
NOBODY = "cli:timer"
"""A run that names nobody."""


async def close(
    tenant: TenantScope, month: date = OCTOBER, *, now: datetime = AFTER, by: str = CLOSER
) -> ClosingView:
    return (await close_month(tenant, month, closed_by=by, now=now))[-1]


async def stated(tenant: TenantScope, kind: str = "mall", month: date = OCTOBER) -> StatementView:
    """The current statement of the party of this kind."""
    async with tenant.reading() as db:
        return next(each for each in await statements(db, month=month) if each.party.kind == kind)


async def approve(
    tenant: TenantScope, kind: str = "mall", *, month: date = OCTOBER, by: str = SECOND, now: datetime = AFTER
) -> StatementView:
    found = await stated(tenant, kind, month)
    async with tenant.writing() as db:
        return await approve_statement(db, found.id, approved_by=by, now=now)


async def contract_of(tenant: TenantScope, code: str = "mall") -> ContractId:
    found = "SELECT id FROM app.contracts WHERE tenant_id = :t AND code = :c ORDER BY version LIMIT 1"
    return ContractId(await value(tenant, found, c=code))


async def ask(
    tenant: TenantScope, amount: int, *, restates: bool = False, by: str = CLOSER, now: datetime = AFTER
) -> AdjustmentView:
    """Ask for an adjustment of the mall's October statement."""
    statement = await stated(tenant)
    command = ProposeAdjustment(
        party_id=statement.party.id, contract_id=await contract_of(tenant), amount_fen=amount, reason="漏记一笔",
        statement_id=statement.id, restates=restates,
    )  # fmt: skip
    async with tenant.writing() as db:
        return await propose_adjustment(db, command, proposed_by=by, now=now)


async def agree(
    tenant: TenantScope,
    asked: AdjustmentView,
    *,
    by: str = SECOND,
    agrees: bool = True,
    now: datetime = AFTER,
) -> AdjustmentView:
    async with tenant.writing() as db:
        return await decide_adjustment(
            db, DecideAdjustment(agrees=agrees), adjustment_id=asked.id, decided_by=by, now=now
        )


async def give_account(tenant: TenantScope, party_id: PartyId, keys: KeyRing) -> None:
    bank = SetPayee(
        kind=PayeeKind.BANK, account_name="望江天地商业管理有限公司", account_no="6222021001122334455", bank_name="某银行徐汇支行"
    )  # fmt: skip
    async with tenant.writing() as db:
        await set_payee(db, bank, party_id=party_id, keys=keys, actor=CLOSER, now=AFTER)


async def prepare(
    tenant: TenantScope, *, on: date = date(2026, 11, 2), now: datetime = AFTER, by: str = CLOSER
) -> PreparedPayout:
    async with tenant.writing() as db:
        return await prepare_payout(db, PreparePayout(due_on=on), prepared_by=by, now=now)


async def release(tenant: TenantScope, payout: PayoutView, *, by: str = SECOND) -> PayoutView:
    async with tenant.writing() as db:
        return await release_payout(db, payout.id, released_by=by, now=AFTER)


async def outcome(
    tenant: TenantScope, payout: PayoutView, told: LineState, *, number: int = 1, now: datetime = AFTER
) -> PayoutView:
    async with tenant.writing() as db:
        return await record_outcome(
            db, RecordOutcome(outcome=told), payout_id=payout.id, number=number, recorded_by=SECOND, now=now
        )


async def sound(tenant: TenantScope) -> bool:
    async with tenant.reading() as db:
        report = await verify_books(db)
    assert report.sound, [finding for finding in report.findings if finding.broken]
    return True
