"""Every read of payees and payouts. Another tenant's id finds nothing."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from settlement.models import Statement
from settlement.payouts.errors import PayoutNotFound
from settlement.payouts.models import Payee, Payout, PayoutLine
from settlement.payouts.states import LineState, PayeeKind, PayoutState
from settlement.payouts.views import PayeeView, PayoutLineView, PayoutView
from settlement.queries import parties
from settlement.views import PartyView
from tenants.kernel.ids import PartyId, PayeeId, PayoutId, StatementId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


async def payees(db: Reading, *, party_id: PartyId | None = None) -> list[PayeeView]:
    """Payees, ended ones too, by party and date."""
    statement = select(Payee).where(Payee.tenant_id == db.tenant_id)
    if party_id is not None:
        statement = statement.where(Payee.party_id == party_id)
    people = await parties(db)
    rows = (await db.execute(statement.execution_options(populate_existing=True))).scalars()
    found = [_payee(row, people) for row in rows]
    return sorted(found, key=lambda payee: (payee.party.code, payee.created_at, payee.id))


async def find_payout(db: Reading, payout_id: PayoutId) -> PayoutView:
    """One batch with its lines."""
    found = await _payouts(db, Payout.id == payout_id)
    if not found:
        raise PayoutNotFound(payout_id=payout_id)
    return found[0]


async def payouts(db: Reading, *, state: PayoutState | None = None) -> list[PayoutView]:
    """Batches, the newest first."""
    return await _payouts(db, *([] if state is None else [Payout.state == state]))


async def payout_numbered(db: Reading, payout_no: str) -> PayoutView:
    """The batch with this number."""
    found = await _payouts(db, Payout.payout_no == payout_no)
    if not found:
        raise PayoutNotFound(details={"payoutNo": payout_no})
    return found[0]


async def _payouts(db: Reading, *chosen: Any) -> list[PayoutView]:
    statement = (
        select(Payout)
        .where(Payout.tenant_id == db.tenant_id, *chosen)
        .order_by(Payout.prepared_at.desc(), Payout.id.desc())
        .execution_options(populate_existing=True)
    )
    rows = list((await db.execute(statement)).scalars())
    lines = await _lines(db, [row.id for row in rows])
    return [
        PayoutView(
            id=PayoutId(row.id), payout_no=row.payout_no, due_on=row.due_on, state=PayoutState(row.state),
            line_count=row.line_count, total_fen=Fen(row.total_fen), prepared_by=row.prepared_by,
            prepared_at=row.prepared_at, released_by=row.released_by, released_at=row.released_at,
            ended_at=row.ended_at, lines=lines[row.id],
        )
        for row in rows
    ]  # fmt: skip


async def _lines(db: Reading, ids: list[Any]) -> dict[Any, list[PayoutLineView]]:
    statement = (
        select(PayoutLine, Payee, Statement.period_on)
        .join(Payee, (Payee.tenant_id == PayoutLine.tenant_id) & (Payee.id == PayoutLine.payee_id))
        .join(Statement, (Statement.tenant_id == PayoutLine.tenant_id) & (Statement.id == PayoutLine.statement_id))
        .where(
            PayoutLine.tenant_id == db.tenant_id, Payee.tenant_id == db.tenant_id,
            Statement.tenant_id == db.tenant_id, PayoutLine.payout_id.in_(ids),
        )
        .order_by(PayoutLine.payout_id, PayoutLine.number)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    people = await parties(db)
    found: dict[Any, list[PayoutLineView]] = defaultdict(list)
    for row, payee, period_on in await db.execute(statement):
        found[row.payout_id].append(
            PayoutLineView(
                number=row.number, line_no=row.line_no, party=people[PartyId(row.party_id)],
                party_name=row.party_name, statement_id=StatementId(row.statement_id), period_on=period_on,
                payee=_payee(payee, people), amount_fen=Fen(row.amount_fen), state=LineState(row.state),
                paid_on=row.paid_on, bank_reference=row.bank_reference, trouble=row.trouble, ended_at=row.ended_at,
            )
        )  # fmt: skip
    return found


def _payee(row: Payee, people: dict[PartyId, PartyView]) -> PayeeView:
    return PayeeView(
        id=PayeeId(row.id), party=people[PartyId(row.party_id)], kind=PayeeKind(row.kind),
        payroll_no=row.payroll_no, account_tail=row.account_tail, created_at=row.created_at,
        created_by=row.created_by, ended_at=row.ended_at,
    )  # fmt: skip
