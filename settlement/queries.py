"""Every read of settlement's books: parties, periods, statements, and every fen of one order. Another tenant's id finds nothing.

Contracts are `agreements.queries`.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, select

from orders.queries import settled_lines_select
from settlement.errors import OrderMoneyNotFound, StatementNotFound
from settlement.models import (
    Contract,
    FrozenTerms,
    LedgerAccount,
    LedgerEntry,
    Party,
    Period,
    Statement,
    TermsPortion,
)
from settlement.signing.models import StatementStanding
from settlement.signing.states import StatementState
from settlement.split import LineBase, Portion
from settlement.states import ENTITLEMENT, OWED, AccountKind, Cause, PartyKind, PeriodState
from settlement.views import (
    BesideMoney,
    LineMoney,
    MoneyStep,
    OrderMoney,
    PartyAmount,
    PartyView,
    PeriodView,
    StatementView,
)
from tenants.kernel.ids import (
    MallId,
    OrderId,
    OrderLineId,
    PartyId,
    RefundId,
    StatementId,
    TermsId,
)
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


async def parties(db: Reading) -> dict[PartyId, PartyView]:
    """Everybody who can be owed."""
    rows = await db.execute(_parties().where(Party.tenant_id == db.tenant_id))
    return {PartyId(row.id): _party(row) for row in rows}


async def periods(db: Reading, *, month: date | None = None) -> list[PeriodView]:
    """Every month that somebody closed or booked into, the newest first."""
    statement = (
        select(Period.contract_code, Period.starts_on, Period.state, Period.closed_at, Period.closed_by)
        .where(Period.tenant_id == db.tenant_id)
        .order_by(Period.starts_on.desc(), Period.contract_code)
    )
    if month is not None:
        statement = statement.where(Period.starts_on == month)
    return [
        PeriodView(
            contract_code=row.contract_code, starts_on=row.starts_on, state=PeriodState(row.state),
            closed_at=row.closed_at, closed_by=row.closed_by,
        )
        for row in await db.execute(statement)
    ]  # fmt: skip


async def statements(
    db: Reading, *, month: date | None = None, mall_id: MallId | None = None, versions: bool = False
) -> list[StatementView]:
    """Statements, the newest month first; a mall sees its own alone. `versions` shows superseded ones too."""
    standing = func.coalesce(StatementStanding.state, StatementState.CLOSED)
    chosen = [] if versions else [standing != StatementState.SUPERSEDED]
    if month is not None:
        chosen.append(Statement.period_on == month)
    if mall_id is not None:
        chosen.append(Party.mall_id == mall_id)
    return await _shown_statements(db, *chosen)


async def find_statement(
    db: Reading, statement_id: StatementId, *, mall_id: MallId | None = None
) -> StatementView:
    """One statement; for a mall, another party's answers as one that does not exist."""
    chosen = [Statement.id == statement_id]
    if mall_id is not None:
        chosen.append(Party.mall_id == mall_id)
    found = await _shown_statements(db, *chosen)
    if not found:
        raise StatementNotFound(statement_id=statement_id)
    return found[0]


async def order_money(db: Reading, order_id: OrderId) -> OrderMoney:
    """Every fen of an order: lines, terms, rates, portions, reversals; raises OrderMoneyNotFound when nothing is booked."""
    entries = (await db.execute(_entries_of(db, order_id))).all()
    moved = (await db.execute(_beside_of(db, order_id))).all()
    if not entries and not moved:
        raise OrderMoneyNotFound(order_id=order_id)
    people = await parties(db)
    rates = await _rates_of_terms(db, {TermsId(entry.terms_id) for entry in entries})
    by_line = _grouped(entries, lambda entry: (entry.order_line_id, entry.terms_id))
    bases = await _bases_of(db, order_id)
    lines = [_line_money(found, people, rates=rates, bases=bases) for found in by_line.values()]
    kept = Fen(sum(line.kept_fen for line in lines))
    beside = [_beside(row, people) for row in moved]
    return OrderMoney(order_id=order_id, kept_fen=kept, lines=lines, beside=beside)


def signed_amount() -> Any:
    """An entry's amount as its party sees it: positive when the party's account is credited."""
    return LedgerEntry.amount_fen * party_sign()


def party_sign() -> Any:
    """+1 where the credited account is the party's, -1 where the debited one is."""
    return case((LedgerAccount.kind == AccountKind.PAYABLE, 1), else_=-1)


def credited_account(db: Reading) -> Any:
    """The join that finds an entry's credited account."""
    return (
        (LedgerAccount.tenant_id == LedgerEntry.tenant_id)
        & (LedgerAccount.tenant_id == db.tenant_id)
        & (LedgerAccount.id == LedgerEntry.credit_account_id)
    )


def _parties() -> Select[*tuple[Any, ...]]:
    return select(Party.id, Party.kind, Party.code, Party.name)


def _party(row: Any) -> PartyView:
    return PartyView(id=PartyId(row.id), kind=PartyKind(row.kind), code=row.code, name=row.name)


def _grouped(rows: Sequence[Any], key: Any) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


async def _shown_statements(db: Reading, *chosen: Any) -> list[StatementView]:
    statement = (
        select(Statement, Party, StatementStanding)
        .join(Party, (Party.tenant_id == Statement.tenant_id) & (Party.id == Statement.party_id))
        .outerjoin(StatementStanding, standing_of_statement(db))
        .where(Statement.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id, *chosen)
        .order_by(Statement.period_on.desc(), Party.code, Statement.version.desc())
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return [
        _statement(found, _party(party), standing=standing)
        for found, party, standing in (await db.execute(statement))
    ]


def standing_of_statement(db: Reading) -> Any:
    """The join that finds where a statement stands; one from before anybody could sign has no row yet, and is closed."""
    return (
        (StatementStanding.tenant_id == Statement.tenant_id)
        & (StatementStanding.tenant_id == db.tenant_id)
        & (StatementStanding.statement_id == Statement.id)
    )


def _statement(row: Any, party: PartyView, *, standing: StatementStanding | None) -> StatementView:
    standing = standing or StatementStanding(state=StatementState.CLOSED, payout_fen=0)
    return StatementView(
        id=StatementId(row.id), party=party, period_on=row.period_on, version=row.version,
        opening_fen=Fen(row.opening_fen), earned_fen=Fen(row.earned_fen), reversed_fen=Fen(row.reversed_fen),
        adjusted_fen=Fen(row.adjusted_fen), collected_fen=Fen(row.collected_fen), paid_fen=Fen(row.paid_fen),
        closing_fen=Fen(row.closing_fen), lines=row.lines, adjustments=row.adjustments,
        content_sha256=row.content_sha256, closed_at=row.closed_at, closed_by=row.closed_by,
        restated_for=row.restated_for, state=StatementState(standing.state), approved_at=standing.approved_at,
        approved_by=standing.approved_by, agreed_at=standing.agreed_at, agreed_by=standing.agreed_by,
        payout_fen=Fen(standing.payout_fen),
    )  # fmt: skip


def _entries_of(db: Reading, order_id: OrderId) -> Select[*tuple[Any, ...]]:
    return (
        select(
            LedgerEntry.order_line_id, LedgerEntry.terms_id, LedgerEntry.cause, LedgerEntry.refund_id,
            LedgerEntry.occurred_on, LedgerEntry.period_on, LedgerEntry.party_id,
            LedgerEntry.journal_id, signed_amount().label("amount_fen"), Contract.code, Contract.version,
            FrozenTerms.residual_party_id,
        )
        .join(LedgerAccount, credited_account(db))
        .join(
            FrozenTerms,
            (FrozenTerms.tenant_id == LedgerEntry.tenant_id) & (FrozenTerms.id == LedgerEntry.terms_id),
        )
        .join(
            Contract,
            (Contract.tenant_id == FrozenTerms.tenant_id) & (Contract.id == FrozenTerms.contract_id),
        )
        .where(
            LedgerEntry.tenant_id == db.tenant_id, FrozenTerms.tenant_id == db.tenant_id,
            Contract.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .order_by(
            LedgerEntry.order_line_id, LedgerEntry.cause, LedgerEntry.occurred_on, LedgerEntry.journal_id,
            LedgerEntry.refund_line_no, LedgerEntry.party_id,
        )
    )  # fmt: skip


def _beside_of(db: Reading, order_id: OrderId) -> Select[*tuple[Any, ...]]:
    """What moved parties' balances beside the portions of the order's lines."""
    return (
        select(
            LedgerEntry.cause, LedgerEntry.party_id, signed_amount().label("amount_fen"), LedgerEntry.order_line_id,
            LedgerEntry.refund_id, LedgerEntry.occurred_on, LedgerEntry.period_on,
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.cause.in_(OWED), LedgerEntry.cause.not_in(ENTITLEMENT),
        )
        .order_by(
            LedgerEntry.occurred_on, LedgerEntry.order_line_id, LedgerEntry.cause, LedgerEntry.refund_id,
            signed_amount(), LedgerEntry.party_id,
        )
    )  # fmt: skip


def _beside(row: Any, people: dict[PartyId, PartyView]) -> BesideMoney:
    return BesideMoney(
        cause=Cause(row.cause), party=people[PartyId(row.party_id)], amount_fen=Fen(row.amount_fen),
        order_line_id=OrderLineId(row.order_line_id) if row.order_line_id else None,
        refund_id=RefundId(row.refund_id) if row.refund_id else None, occurred_on=row.occurred_on,
        period_on=row.period_on,
    )  # fmt: skip


async def _rates_of_terms(db: Reading, terms: set[TermsId]) -> dict[tuple[TermsId, PartyId], Portion]:
    statement = select(
        TermsPortion.terms_id, TermsPortion.party_id, TermsPortion.rate_bps, TermsPortion.of_paid
    ).where(TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id.in_(terms))
    return {
        (TermsId(row.terms_id), PartyId(row.party_id)): Portion(row.party_id, row.rate_bps, row.of_paid)
        for row in await db.execute(statement)
    }


async def _bases_of(db: Reading, order_id: OrderId) -> dict[Any, LineBase]:
    """What was paid for each line of an order, and its base."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    statement = select(sold.c.order_line_id, sold.c.paid_fen, sold.c.base_fen).where(
        sold.c.order_id == order_id
    )
    return {row.order_line_id: LineBase(row.paid_fen, row.base_fen) for row in await db.execute(statement)}


def _party_amount(entry: Any, people: dict[PartyId, PartyView], *, portion: Portion | None) -> PartyAmount:
    return PartyAmount(
        party=people[PartyId(entry.party_id)], amount_fen=Fen(entry.amount_fen),
        rate_bps=portion.rate_bps if portion else None, of_paid=portion.of_paid if portion else False,
    )  # fmt: skip


def _line_money(
    entries: list[Any],
    people: dict[PartyId, PartyView],
    *,
    rates: dict[tuple[TermsId, PartyId], Portion],
    bases: dict[Any, LineBase],
) -> LineMoney:
    first, base = entries[0], bases.get(entries[0].order_line_id)
    terms_id = TermsId(first.terms_id)
    by_journal = _grouped(entries, lambda entry: entry.journal_id)
    steps = [
        MoneyStep(
            cause=Cause(found[0].cause), occurred_on=found[0].occurred_on, period_on=found[0].period_on,
            refund_id=RefundId(found[0].refund_id) if found[0].refund_id else None,
            amount_fen=Fen(sum(entry.amount_fen for entry in found)),
            parties=[
                _party_amount(entry, people, portion=rates.get((terms_id, PartyId(entry.party_id))))
                for entry in found
            ],
        )
        for found in by_journal.values()
    ]  # fmt: skip
    return LineMoney(
        order_line_id=OrderLineId(first.order_line_id) if first.order_line_id else None, terms_id=terms_id,
        contract_code=first.code, contract_version=first.version, steps=steps,
        residual_party_code=people[PartyId(first.residual_party_id)].code,
        paid_fen=None if base is None else base.paid_fen, base_fen=None if base is None else base.of(base.paid_fen),
        kept_fen=Fen(sum(step.amount_fen for step in steps)),
    )  # fmt: skip
