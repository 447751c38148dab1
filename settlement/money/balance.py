"""A party's balance by how far it has come: frozen, matured, payable, paid. Derived from time and receipts, not from accounts of their own.

An order's part is frozen until the goods were handed over and can no longer be brought back (`settings.splitting`: returnDays, holdDays by
source), matured after, and payable once its statement is approved and the contract's day of payment (T+N) has come: then it is owed, and
payouts pay it. A guide's stays frozen as long as the goods may come back. Refunds, returns and parts that were paid stand where their
order's sale stands, so no figure is a difference of two others' mistakes.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, and_, case, cast, false, func, literal, or_, select, true

from orders.order_facts import handed_over_select
from orders.states import Source
from settlement.errors import PartyNotFound
from settlement.models import LedgerAccount, LedgerEntry, Party
from settlement.money.payable import is_payable, payable_through
from settlement.money.views import PartyBalance, Standing
from settlement.queries import credited_account, parties, signed_amount
from settlement.splitting.policy import SplitPolicy, split_policy
from settlement.states import COLLECTION, OWED, PAYMENT, Cause, PartyKind
from settlement.views import PartyView
from tenants.kernel.ids import MallId, OrderId, PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.kernel.tables import Moment

PAID = (*PAYMENT, *COLLECTION)


async def party_balance(
    db: Reading, party_id: PartyId, *, now: datetime, mall_id: MallId | None = None
) -> PartyBalance:
    """One party's; for a mall another party answers as one that does not exist: raises PartyNotFound."""
    party = (await parties(db)).get(party_id)
    if party is None or (mall_id is not None and party_id not in await parties_of_mall(db, mall_id)):
        raise PartyNotFound(party_id=party_id)
    paid, balance = await _totals(db, party_id)
    waiting = await _waiting(db, party, now=now)
    frozen, matured = waiting[Standing.FROZEN], waiting[Standing.MATURED]
    return PartyBalance(
        party=party, at=now, earned_fen=Fen(balance + paid), frozen_fen=frozen, matured_fen=matured,
        payable_fen=Fen(balance - frozen - matured), paid_fen=paid, balance_fen=balance,
    )  # fmt: skip


async def parties_of_mall(db: Reading, mall_id: MallId) -> list[PartyId]:
    """The parties that are this mall."""
    found = select(Party.id).where(Party.tenant_id == db.tenant_id, Party.mall_id == mall_id)
    return [PartyId(party_id) for party_id in (await db.execute(found.order_by(Party.code))).scalars()]


async def standings(db: Reading, order_id: OrderId, *, now: datetime) -> dict[PartyId, Standing]:
    """How far each party's part of an order has come, paid parts apart."""
    sold = (
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
        LedgerEntry.cause == Cause.ORDER_PAID,
    )  # fmt: skip
    owed = select(LedgerEntry.party_id).where(*sold).distinct()
    ids = [PartyId(each) for each in (await db.execute(owed)).scalars() if each is not None]
    people, through = await parties(db), await payable_through(db, ids, now=now)
    order = handed_over_select(db.tenant_id).subquery("handed")
    ripe = select(_is_ripe(order, await split_policy(db), now=now)).where(order.c.order_id == order_id)
    matured = bool((await db.execute(ripe)).scalar_one_or_none())
    found = {}
    for party_id in ids:
        mine = select(func.bool_or(is_payable(through[party_id]))).where(
            *sold, LedgerEntry.party_id == party_id
        )
        due = bool((await db.execute(mine)).scalar_one())
        if not matured and (not due or people[party_id].kind is PartyKind.GUIDE):
            found[party_id] = Standing.FROZEN
        else:
            found[party_id] = Standing.PAYABLE if due else Standing.MATURED
    return found


async def _totals(db: Reading, party_id: PartyId) -> tuple[Fen, Fen]:
    """What the party was paid, and what its accounts hold."""
    signed = func.sum(signed_amount())
    counted = (
        select(
            func.coalesce(-signed.filter(LedgerEntry.cause.in_(PAID)), 0).label("paid"),
            func.coalesce(signed, 0).label("balance"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.party_id == party_id, LedgerEntry.cause.in_(OWED)
        )
    )  # fmt: skip
    row = (await db.execute(counted)).one()
    return Fen(int(row.paid)), Fen(int(row.balance))


async def _waiting(db: Reading, party: PartyView, *, now: datetime) -> dict[Standing, Fen]:
    """What is left of orders that is not payable, frozen and matured; what concerns no order is matured until it is payable."""
    mine = and_(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.party_id == party.id)
    payable = is_payable((await payable_through(db, [party.id], now=now))[party.id])
    returnable = party.kind is PartyKind.GUIDE
    sold = select(LedgerEntry.order_id, func.bool_or(payable).label("due")).where(
        mine, LedgerEntry.cause == Cause.ORDER_PAID, true() if returnable else ~payable
    )
    fresh = sold.group_by(LedgerEntry.order_id).subquery("fresh")
    order = handed_over_select(db.tenant_id).subquery("handed")
    ripe = _is_ripe(order, await split_policy(db), now=now)
    of_orders = (
        select(ripe.label("ripe"), cast(func.sum(signed_amount()), BigInteger).label("fen"))
        .select_from(LedgerEntry)
        .join(LedgerAccount, credited_account(db))
        .join(fresh, fresh.c.order_id == LedgerEntry.order_id)
        .join(order, order.c.order_id == LedgerEntry.order_id)
        .where(mine, LedgerEntry.cause.in_(OWED), or_(~fresh.c.due, ~ripe))
        .group_by(ripe)
    )
    found = {bool(row.ripe): Fen(int(row.fen)) for row in await db.execute(of_orders)}
    beside = (
        select(func.coalesce(func.sum(signed_amount()), 0))
        .join(LedgerAccount, credited_account(db))
        .where(
            mine, LedgerEntry.order_id.is_(None), LedgerEntry.cause.in_([each for each in OWED if each not in PAID]), ~payable
        )
    )  # fmt: skip
    loose = int((await db.execute(beside)).scalar_one())
    return {
        Standing.FROZEN: found.get(False, Fen(0)),
        Standing.MATURED: Fen(found.get(True, Fen(0)) + loose),
    }


def _is_ripe(order: Any, policy: SplitPolicy, *, now: datetime) -> Any:
    """Whether an order's goods were handed over and can no longer be brought back."""
    handed = case((order.c.source == Source.HISTORY, order.c.paid_at), else_=order.c.collected_at)

    def over(days: int) -> Any:
        return handed <= literal(now - timedelta(days=days), Moment)

    held = [(order.c.source_name == name, over(days)) for name, days in sorted(policy.hold_days.items())]
    usual = over(policy.return_days)
    return func.coalesce(case(*held, else_=usual) if held else usual, false())
