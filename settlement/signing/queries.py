"""Every read of corrections, invoices and who closed a month. Another tenant's id finds nothing."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from settlement.errors import AdjustmentNotFound, StatementNotFound
from settlement.models import Statement
from settlement.queries import parties, standing_of_statement
from settlement.signing.models import Adjustment, StatementInvoice, StatementStanding
from settlement.signing.states import AdjustmentState, StatementState
from settlement.signing.views import AdjustmentView, InvoiceView
from settlement.views import PartyView
from tenants.kernel.ids import AdjustmentId, ContractId, InvoiceId, OrderId, PartyId, StatementId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


async def adjustments(
    db: Reading, *, state: AdjustmentState | None = None, statement_id: StatementId | None = None
) -> list[AdjustmentView]:
    """Corrections, the newest first."""
    chosen: list[Any] = [] if state is None else [Adjustment.state == state]
    if statement_id is not None:
        chosen.append(Adjustment.statement_id == statement_id)
    return await _shown(db, *chosen)


async def find_adjustment(db: Reading, adjustment_id: AdjustmentId) -> AdjustmentView:
    """One correction."""
    found = await _shown(db, Adjustment.id == adjustment_id)
    if not found:
        raise AdjustmentNotFound(adjustment_id=adjustment_id)
    return found[0]


async def booked_adjustments(db: Reading, ids: Iterable[UUID]) -> dict[UUID, AdjustmentView]:
    """The corrections that were booked under these ids."""
    return {each.id: each for each in await _shown(db, Adjustment.id.in_(list(ids)))}


async def undecided(db: Reading, statement_id: StatementId) -> int:
    """How many corrections of a statement wait for a second person."""
    waiting = (
        select(func.count())
        .select_from(Adjustment)
        .where(
            Adjustment.tenant_id == db.tenant_id, Adjustment.statement_id == statement_id,
            Adjustment.state == AdjustmentState.PROPOSED,
        )
    )  # fmt: skip
    return int((await db.execute(waiting)).scalar_one())


async def invoices(db: Reading, statement_id: StatementId) -> list[InvoiceView]:
    """The invoices noted beside a statement, by number."""
    statement = (
        select(StatementInvoice)
        .where(StatementInvoice.tenant_id == db.tenant_id, StatementInvoice.statement_id == statement_id)
        .order_by(StatementInvoice.invoice_no)
    )
    return [
        InvoiceView(
            id=InvoiceId(row.id), invoice_no=row.invoice_no, issued_on=row.issued_on,
            amount_fen=Fen(row.amount_fen), tax_fen=Fen(row.tax_fen), recorded_by=row.recorded_by,
            recorded_at=row.recorded_at,
        )
        for row in (await db.execute(statement)).scalars()
    ]  # fmt: skip


async def standing_of(db: Reading, statement_id: StatementId) -> Any:
    """A statement's figures and where it stands: party, month, version, who closed it; raises StatementNotFound."""
    statement = (
        select(
            Statement.id, Statement.party_id, Statement.period_on, Statement.version, Statement.closing_fen,
            Statement.closed_by, StatementStanding.approved_at,
            func.coalesce(StatementStanding.state, StatementState.CLOSED).label("state"),
        )
        .outerjoin(StatementStanding, standing_of_statement(db))
        .where(Statement.tenant_id == db.tenant_id, Statement.id == statement_id)
    )  # fmt: skip
    found = (await db.execute(statement)).one_or_none()
    if found is None:
        raise StatementNotFound(statement_id=statement_id)
    return found


async def closers(db: Reading, statement: Any) -> set[str]:
    """Everybody who wrote a version of this month for this party."""
    found = select(Statement.closed_by).where(
        Statement.tenant_id == db.tenant_id, Statement.party_id == statement.party_id,
        Statement.period_on == statement.period_on, Statement.closed_by.is_not(None),
    )  # fmt: skip
    return {str(actor) for actor in (await db.execute(found)).scalars()}


async def _shown(db: Reading, *chosen: Any) -> list[AdjustmentView]:
    statement = (
        select(Adjustment)
        .where(Adjustment.tenant_id == db.tenant_id, *chosen)
        .order_by(Adjustment.proposed_at.desc(), Adjustment.id.desc())
        .execution_options(populate_existing=True)
    )
    people = await parties(db)
    return [_view(row, people) for row in (await db.execute(statement)).scalars()]


def _view(row: Any, people: dict[PartyId, PartyView]) -> AdjustmentView:
    return AdjustmentView(
        id=AdjustmentId(row.id), party=people[PartyId(row.party_id)],
        counterparty=people[PartyId(row.counterparty_id)], contract_id=ContractId(row.contract_id),
        store_id=StoreId(row.store_id) if row.store_id else None, amount_fen=Fen(row.amount_fen),
        reason=row.reason, evidence=row.evidence,
        statement_id=StatementId(row.statement_id) if row.statement_id else None,
        order_id=OrderId(row.order_id) if row.order_id else None, restates=row.restates,
        state=AdjustmentState(row.state), proposed_by=row.proposed_by, proposed_at=row.proposed_at,
        decided_by=row.decided_by, decided_at=row.decided_at, decision=row.decision, period_on=row.period_on,
    )  # fmt: skip
