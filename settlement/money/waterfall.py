"""Every fen of one order as steps from the list price to what each party holds, each with its cause, rule and evidence."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import and_, case, select

from orders.order_facts import LineFacts, OrderFacts, order_facts
from settlement.agreements.agreed import ReturnsCount
from settlement.agreements.queries import period_rules_of
from settlement.models import Contract, Journal, LedgerAccount, LedgerEntry, TermsPortion
from settlement.money.balance import PAID, standings
from settlement.money.discounts import discounts
from settlement.money.views import MoneyStepView, PartyStanding, Rule, Standing, StepKind, Waterfall
from settlement.posting.post_terms import booked_terms
from settlement.queries import credited_account, parties
from settlement.split import LineBase
from settlement.splitting.queries import split_of_order
from settlement.states import (
    ADJUSTMENT,
    COLLECTION,
    COUPONS,
    ENTITLEMENT,
    FEES,
    JOINT,
    PAYMENT,
    UNWANTED,
    AccountKind,
    Cause,
)
from settlement.views import PartyView
from tenants.kernel.ids import ContractId, JournalId, OrderId, PartyId, PaymentId, RefundId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading

KINDS = {
    StepKind.COUPON: COUPONS, StepKind.FEE: (*FEES, *JOINT), StepKind.UNWANTED: UNWANTED, StepKind.PORTION: ENTITLEMENT,
    StepKind.ADJUSTMENT: ADJUSTMENT, StepKind.PAYMENT: (*PAYMENT, *COLLECTION),
}  # fmt: skip
KIND_OF = {cause: kind for kind, causes in KINDS.items() for cause in causes}
ORDER = [*Cause]
"""Steps stand in the order in which causes are declared, sales before refunds before payments, then by day."""


async def order_waterfall(db: Reading, order_id: OrderId, *, now: datetime) -> Waterfall:
    """Every fen of an order; raises OrderNotFound. An order that nobody has booked shows what was sold, and no parties."""
    facts = await order_facts(db, order_id)
    entries = (await db.execute(_entries(db, order_id))).all()
    people = await parties(db)
    numbers = await _numbers(db, order_id)
    lines = {line.line_id: line for line in facts.lines}
    kept, counted = _kept_steps(entries), await _counted_when_sold(db, entries)
    terms = await booked_terms(db, {line.terms_id for line in facts.lines if line.terms_id})
    steps = [*_sold(facts), *discounts(facts, terms, people=people), *_refunded(facts, entries)]
    steps += [
        _step(
            entry,
            facts,
            people=people,
            line=lines.get(entry.order_line_id),
            kept=kept,
            counted=counted,
            numbers=numbers,
        )
        for entry in sorted(entries, key=_place)
    ]
    charged = next(
        (people[each.collector_party_id] for each in terms.values() if each.collector_party_id), None
    )
    steps = [
        msgspec.structs.replace(each, party=charged) if each.kind is StepKind.FEE else each for each in steps
    ]
    by_kind = list(StepKind)
    steps.sort(key=lambda step: by_kind.index(step.kind))
    held = sum(entry.amount_fen for entry in entries if entry.cause in ENTITLEMENT)
    return Waterfall(
        order_id=order_id, order_no=facts.order_no, kept_fen=Fen(held), steps=steps,
        parties=await _parties(db, order_id, entries, people=people, now=now),
    )  # fmt: skip


def _sold(facts: OrderFacts) -> list[MoneyStepView]:
    """List price and what was paid: sums over the lines, proved by the order's numbers."""
    evidence = [facts.order_no, *([facts.external_no] if facts.external_no else [])]
    sums = {
        StepKind.LIST: sum(line.list_fen for line in facts.lines),
        StepKind.PAID: sum(line.paid_fen for line in facts.lines),
    }
    return [
        MoneyStepView(kind=kind, cause=None, amount_fen=Fen(amount), evidence=evidence)
        for kind, amount in sums.items()
    ]


def _refunded(facts: OrderFacts, entries: Sequence[Any]) -> list[MoneyStepView]:
    """What each refund took out of the sale, all parties together."""
    back: dict[RefundId, list[Any]] = defaultdict(list)
    for entry in entries:
        if entry.cause == Cause.ORDER_REFUNDED:
            back[RefundId(entry.refund_id)].append(entry)
    return [
        MoneyStepView(
            kind=StepKind.REFUND, cause=Cause.ORDER_REFUNDED, amount_fen=Fen(sum(each.amount_fen for each in found)),
            occurred_on=found[0].occurred_on, period_on=found[0].period_on, evidence=facts.refunds.get(refund_id, []),
            refund_id=refund_id,
        )
        for refund_id, found in sorted(back.items(), key=lambda item: (item[1][0].occurred_on, item[0]))
    ]  # fmt: skip


def _step(
    entry: Any,
    facts: OrderFacts,
    *,
    people: dict[PartyId, PartyView],
    line: LineFacts | None,
    kept: dict[Any, tuple[Fen, Fen]],
    counted: dict[Any, date],
    numbers: dict[Any, list[str]],
) -> MoneyStepView:
    rule = None
    if entry.cause in ENTITLEMENT and line is not None:
        base = LineBase(line.paid_fen, line.base_fen)
        before, after = kept[entry.order_line_id, entry.journal_id]
        rule = Rule(
            contract_code=entry.code, contract_version=entry.version, rate_bps=None if entry.rate_bps is None else Bps(entry.rate_bps),
            base_fen=Fen(base.of(after) - base.of(before) if entry.of_paid is False else after - before),
            counts_in=counted.get((entry.order_line_id, entry.journal_id, entry.party_id)),
        )  # fmt: skip
    return MoneyStepView(
        kind=KIND_OF[Cause(entry.cause)], cause=Cause(entry.cause), amount_fen=Fen(entry.amount_fen),
        party=people[PartyId(entry.party_id)] if entry.party_id else None, line_no=line.line_no if line else None,
        sku_code=line.sku_code if line else None, rule=rule, occurred_on=entry.occurred_on, period_on=entry.period_on,
        evidence=_evidence(entry, facts, numbers=numbers), order_line_id=entry.order_line_id,
        refund_id=entry.refund_id, journal_id=JournalId(entry.journal_id), terms_id=entry.terms_id,
        contract_id=entry.contract_id,
    )  # fmt: skip


def _evidence(entry: Any, facts: OrderFacts, *, numbers: dict[Any, list[str]]) -> list[str]:
    """The numbers that prove a step: its refund's, its split's or return's, its payment's, else the order's payments."""
    if entry.cause in PAYMENT:
        return numbers.get((entry.cause, entry.party_id), [])
    if entry.refund_id is not None:
        return facts.refunds.get(RefundId(entry.refund_id), [])
    if PaymentId(entry.cause_id) in facts.payments:
        return facts.payments[PaymentId(entry.cause_id)]
    told = [number for numbers_of_one in facts.payments.values() for number in numbers_of_one]
    return told or [facts.order_no, *([facts.external_no] if facts.external_no else [])]


def _kept_steps(entries: Sequence[Any]) -> dict[Any, tuple[Fen, Fen]]:
    """Per line and journal what was kept before it and after it."""
    moved: dict[Any, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
    for entry in sorted(entries, key=_place):
        if entry.cause in ENTITLEMENT:
            moved[entry.order_line_id][entry.journal_id] += entry.amount_fen
    steps = {}
    for line_id, journals in moved.items():
        before = 0
        for journal_id, amount in journals.items():
            steps[line_id, journal_id] = Fen(before), Fen(before + amount)
            before += amount
    return steps


async def _counted_when_sold(db: Reading, entries: Sequence[Any]) -> dict[Any, date]:
    """Per line, journal and party: the period of the sale, for what came back under terms that count it there."""
    refunded = [entry for entry in entries if entry.cause == Cause.ORDER_REFUNDED]
    if not refunded:
        return {}
    agreed = await period_rules_of(db, {entry.contract_id for entry in refunded})
    sold: dict[Any, date] = {}
    for entry in entries:
        if entry.cause == Cause.ORDER_PAID:
            sold[entry.order_line_id] = min(entry.period_on, sold.get(entry.order_line_id, entry.period_on))
    found = {}
    for entry in refunded:
        rules = agreed.get(ContractId(entry.contract_id), {}).get(PartyId(entry.party_id))
        if rules is not None and rules.returns_count is ReturnsCount.WHEN_SOLD:
            period = min(entry.period_on, sold.get(entry.order_line_id, entry.period_on))
            found[entry.order_line_id, entry.journal_id, entry.party_id] = period
    return found


def _place(entry: Any) -> tuple[Any, ...]:
    return (
        ORDER.index(Cause(entry.cause)), entry.posted_at, entry.journal_id, str(entry.order_line_id or ""),
        entry.rate_bps is None, str(entry.party_id or ""),
    )  # fmt: skip


async def _parties(
    db: Reading, order_id: OrderId, entries: Sequence[Any], *, people: dict[PartyId, PartyView], now: datetime
) -> list[PartyStanding]:
    earned: dict[PartyId, int] = defaultdict(int)
    paid: dict[PartyId, int] = defaultdict(int)
    for entry in entries:
        if entry.party_id is not None and entry.cause in PAID:
            paid[PartyId(entry.party_id)] -= entry.amount_fen
        elif entry.party_id is not None:
            earned[PartyId(entry.party_id)] += entry.amount_fen
    found = await standings(db, order_id, now=now)
    everybody = sorted(earned.keys() | paid.keys(), key=lambda party_id: people[party_id].code)
    return [
        PartyStanding(
            party=people[party_id], earned_fen=Fen(earned[party_id]), paid_fen=Fen(paid[party_id]),
            left_fen=Fen(earned[party_id] - paid[party_id]),
            standing=Standing.PAID if earned[party_id] == paid[party_id] else found.get(party_id, Standing.FROZEN),
        )
        for party_id in everybody
    ]  # fmt: skip


async def _numbers(db: Reading, order_id: OrderId) -> dict[Any, list[str]]:
    """The numbers under which the channel split to, or took back from, each party."""
    numbers: dict[Any, list[str]] = defaultdict(list)
    for split in await split_of_order(db, order_id):
        for part in split.parts:
            if split.split_no:
                numbers[Cause.SPLIT_PAID.value, part.party.id].append(split.split_no)
        for each in split.returns:
            numbers[Cause.SPLIT_RETURNED.value, each.party.id].append(each.return_no)
    return numbers


def _entries(db: Reading, order_id: OrderId) -> Any:
    """The order's entries; an amount is signed as the account sees it that is not the channel's, the clearing's or the bank's."""
    own = LedgerAccount.kind.in_(
        (AccountKind.PAYABLE, AccountKind.COUPON, AccountKind.FEE, AccountKind.SUSPENSE)
    )
    return (
        select(
            LedgerEntry.cause, LedgerEntry.party_id, LedgerEntry.order_line_id, LedgerEntry.refund_id, LedgerEntry.journal_id,
            LedgerEntry.terms_id, LedgerEntry.contract_id, LedgerEntry.occurred_on, LedgerEntry.period_on, Journal.cause_id, Journal.posted_at, Contract.code, Contract.version,
            TermsPortion.rate_bps, TermsPortion.of_paid, case((own, LedgerEntry.amount_fen), else_=-LedgerEntry.amount_fen).label("amount_fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .join(Journal, and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id))
        .outerjoin(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == LedgerEntry.contract_id))
        .outerjoin(
            TermsPortion,
            and_(
                TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id == LedgerEntry.terms_id,
                TermsPortion.party_id == LedgerEntry.party_id,
            ),
        )
        .where(LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id)
    )  # fmt: skip
