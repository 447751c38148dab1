"""Manual adjustments: one person asks, naming what is corrected and why; a second person agrees, and only then it is booked.

It moves money between two parties of a contract through its clearing account. Into the open period, or, while the statement is not
signed and no later month is closed, into the statement's own month as a new version (`restate`).
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert, select, update

from settlement.agreements.sides import sellers_at
from settlement.calendar import ONE_DAY, local_day, period_ends, period_of
from settlement.contracts import hold_books
from settlement.errors import (
    AdjustmentDecided,
    AdjustmentWrong,
    ContractNotFound,
    PartyUnknown,
    SecondPersonNeeded,
    StatementSealed,
)
from settlement.ledger import Movement, append, clearing_account, open_journal, payable_account
from settlement.models import Contract, Party
from settlement.parties import ensure_parties
from settlement.periods import book_into
from settlement.queries import order_money
from settlement.signing.commands import DecideAdjustment, ProposeAdjustment
from settlement.signing.models import Adjustment
from settlement.signing.persons import refuse_nobody
from settlement.signing.queries import find_adjustment, standing_of
from settlement.signing.restate import (
    hold_restatable,
    next_versions,
    other_sealed,
    refuse_sealed,
    write_versions,
)
from settlement.signing.states import ADJUSTMENT_MOVES, AdjustmentState
from settlement.signing.views import AdjustmentView
from settlement.splitting.states import origins
from settlement.states import Cause
from settlement.terms import HOUSE, party_id_of
from tenants.audit import record_deed
from tenants.kernel.ids import AdjustmentId, ContractId, PartyId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing
from tenants.queries import store_codes


async def propose_adjustment(
    db: Writing, command: ProposeAdjustment, *, proposed_by: str, now: datetime, disputed: bool = False
) -> AdjustmentView:
    """Ask for a correction; nothing is booked before a second person agrees. `disputed`: its dispute is resolved before it is booked.

    To restate needs both parties' statements open: refused otherwise; what a dispute asks for falls into the open period then.
    """
    contract = await _contract(db, command.contract_id)
    refuse_nobody(proposed_by)
    counterparty = command.counterparty_id or await _rest(db, command, contract=contract, now=now)
    await _refuse_wrong(db, command, counterparty=counterparty)
    command = await _restatable(db, command, counterparty=counterparty, disputed=disputed)
    adjustment_id = AdjustmentId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": adjustment_id, "party_id": command.party_id,
        "counterparty_id": counterparty, "contract_id": command.contract_id, "store_id": command.store_id,
        "amount_fen": command.amount_fen, "reason": command.reason, "evidence": command.evidence,
        "statement_id": command.statement_id, "order_id": command.order_id, "restates": command.restates,
        "state": AdjustmentState.PROPOSED.value, "proposed_at": now, "proposed_by": proposed_by,
    }  # fmt: skip
    await db.execute(insert(Adjustment).values(row))
    await record_deed(
        db, actor=proposed_by, action="propose_adjustment", subject_id=adjustment_id, now=now, reason=command.reason
    )  # fmt: skip
    return await find_adjustment(db, adjustment_id)


async def _restatable(
    db: Reading, command: ProposeAdjustment, *, counterparty: PartyId, disputed: bool
) -> ProposeAdjustment:
    """The proposal, once it is sure that what it restates may be; raises StatementSealed."""
    if not command.restates or command.statement_id is None:
        return command
    statement = await standing_of(db, command.statement_id)
    why = await other_sealed(db, statement, party_id=counterparty)
    if disputed:
        # Nobody chose: the answer to a difference restates where it can.
        return msgspec.structs.replace(command, restates=why is None)
    await refuse_sealed(db, statement)
    if why:
        raise StatementSealed(details={"counterpartyId": why}, statement_id=command.statement_id)
    return command


async def decide_adjustment(
    db: Writing, command: DecideAdjustment, *, adjustment_id: AdjustmentId, decided_by: str, now: datetime
) -> AdjustmentView:
    """A second person agrees, and it is booked, or refuses, and it is not."""
    refuse_nobody(decided_by)
    await hold_books(db)
    found = await find_adjustment(db, adjustment_id)
    if found.proposed_by == decided_by:
        raise SecondPersonNeeded(adjustment_id=adjustment_id)
    if found.state is not AdjustmentState.PROPOSED:
        raise AdjustmentDecided(details={"state": found.state.value}, adjustment_id=adjustment_id)
    booked = await _book(db, found, now=now) if command.agrees else None
    to = AdjustmentState.BOOKED if command.agrees else AdjustmentState.REFUSED
    decided = (
        update(Adjustment)
        .where(
            Adjustment.tenant_id == db.tenant_id, Adjustment.id == adjustment_id,
            Adjustment.state.in_(origins(ADJUSTMENT_MOVES, to)),
        )
        .values(
            state=to, decided_at=now, decided_by=decided_by, decision=command.reason, period_on=booked
        )
        .returning(Adjustment.id)
    )  # fmt: skip
    if (await db.execute(decided)).scalar_one_or_none() is None:
        raise AdjustmentDecided(adjustment_id=adjustment_id)
    if found.restates and booked is not None:
        await write_versions(
            db, booked, parties=(found.party.id, found.counterparty.id), closed_by=decided_by,
            reason=found.reason, now=now,
        )  # fmt: skip
    await record_deed(
        db, actor=decided_by, action="book_adjustment" if command.agrees else "refuse_adjustment",
        subject_id=adjustment_id, now=now, reason=command.reason or found.reason,
    )  # fmt: skip
    return await find_adjustment(db, adjustment_id)


async def _book(db: Writing, found: AdjustmentView, *, now: datetime) -> date:
    """Book it; returns the period."""
    contract = await _contract(db, found.contract_id)
    today = local_day(now, time_zone=contract.time_zone)
    parties = (found.party.id, found.counterparty.id)
    versions = dict.fromkeys(parties, 1)
    if found.restates and found.statement_id is not None:
        statement = await standing_of(db, found.statement_id)
        period: date = statement.period_on
        day = period_ends(period, cut_off=contract.cut_off_day) - ONE_DAY
        await hold_restatable(db, statement, parties=parties)
        versions = await next_versions(db, period, parties=parties)
    else:
        month = (contract.code, period_of(today, cut_off=contract.cut_off_day))
        period, day = (await book_into(db, [month]))[month], today
    journal_id = await open_journal(db, Cause.ADJUSTED, cause_id=found.id, occurred_at=now, now=now)
    if journal_id is None:
        raise AdjustmentDecided(adjustment_id=found.id)
    clearing = clearing_account(store_id=found.store_id, contract_id=found.contract_id)
    movements = [
        Movement(
            cause=Cause.ADJUSTED, amount_fen=amount, against=clearing,
            account=payable_account(party, store_id=found.store_id, contract_id=found.contract_id),
            party_id=party, contract_id=found.contract_id, store_id=found.store_id, order_id=found.order_id,
            occurred_on=day, period_on=period, statement_version=versions[party],
        )
        for party, amount in zip(parties, (found.amount_fen, Fen(-found.amount_fen)), strict=True)
    ]  # fmt: skip
    await append(db, movements, journal_id=journal_id)
    return period


async def _rest(db: Writing, command: ProposeAdjustment, *, contract: Contract, now: datetime) -> PartyId:
    """Who has the rest of the store's sales at the end of the statement's period: the franchisee that sells there, or the residual party."""
    residual = PartyId(contract.residual_party_id)
    if command.store_id is None or not (contract.residual_by_owner or contract.code == HOUSE):
        return residual
    at = now
    if command.statement_id is not None:
        ends = period_ends(
            (await standing_of(db, command.statement_id)).period_on, cut_off=contract.cut_off_day
        )
        at = datetime.combine(ends, time(0), ZoneInfo(contract.time_zone)) - timedelta(microseconds=1)
    seller = (await sellers_at(db, [command.store_id], at=at)).get(command.store_id)
    if seller is None or party_id_of(db.tenant_id, seller.code) == command.party_id:
        return residual
    await ensure_parties(db, [seller], now=now)
    return party_id_of(db.tenant_id, seller.code)


async def _contract(db: Reading, contract_id: ContractId) -> Contract:
    found = select(Contract).where(Contract.tenant_id == db.tenant_id, Contract.id == contract_id)
    contract = (await db.execute(found)).scalar_one_or_none()
    if contract is None:
        raise ContractNotFound(contract_id=contract_id)
    return contract


async def _refuse_wrong(db: Reading, command: ProposeAdjustment, *, counterparty: PartyId) -> None:
    """Refuse what could not be booked or would correct nothing that exists."""
    wrong = _wrong(command, counterparty=counterparty)
    if command.store_id is not None and command.store_id not in await store_codes(db, [command.store_id]):
        wrong["storeId"] = "there is no such store"
    if wrong:
        raise AdjustmentWrong(details=wrong)
    known = select(Party.id).where(
        Party.tenant_id == db.tenant_id, Party.id.in_([command.party_id, counterparty])
    )
    if missing := {command.party_id, counterparty} - set((await db.execute(known)).scalars()):
        raise PartyUnknown(details={"partyId": ", ".join(sorted(str(each) for each in missing))})
    if command.order_id is not None:
        await order_money(db, command.order_id)
    if command.statement_id is not None:
        statement = await standing_of(db, command.statement_id)
        if statement.party_id != command.party_id:
            raise AdjustmentWrong(details={"statementId": "it is another party's statement"})


def _wrong(command: ProposeAdjustment, *, counterparty: PartyId) -> dict[str, str]:
    """What is wrong with a proposal by itself."""
    wrong: dict[str, str] = {}
    if not command.amount_fen:
        wrong["amountFen"] = "an adjustment of nothing corrects nothing"
    if command.statement_id is None and command.order_id is None:
        wrong["statementId"] = "name the statement or the order that it corrects"
    if command.restates and command.statement_id is None:
        wrong["restates"] = "only a statement can be restated"
    if counterparty == command.party_id:
        wrong["counterpartyId"] = "name another party: this one is the contract's residual party"
    return wrong
