"""The law of period terms: what was reckoned is what was booked, and what one party got another gave."""

from typing import Any

from sqlalchemy import CompoundSelect, String, and_, cast, func, literal, select, union_all

from settlement.agreements.models import TrueUp
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.states import Cause
from tenants.kernel.scope import Reading


def true_ups_off(db: Reading) -> CompoundSelect[*tuple[Any, ...]]:
    """True-ups whose party got another amount than was reckoned, and those that took it from nobody."""
    told = union_all(
        select(TrueUp.id, TrueUp.party_id, TrueUp.amount_fen.label("fen")).where(
            TrueUp.tenant_id == db.tenant_id
        ),
        _booked(db, -signed_amount(), LedgerEntry.party_id),
    ).subquery("told")
    # The residual party's half is reckoned nowhere by itself: the second law is its own.
    reckoned = select(TrueUp.party_id).where(TrueUp.tenant_id == db.tenant_id, TrueUp.id == told.c.id)
    off = func.sum(told.c.fen)
    other = (
        select(
            func.concat_ws(
                " ", "true-up", cast(told.c.id, String), "is off by", cast(off, String), "fen"
            ).label("what")
        )
        .where(told.c.party_id.in_(reckoned.correlate(told)))
        .group_by(told.c.id)
        .having(off != 0)
    )
    journals = _booked(db, signed_amount(), literal(None)).subquery("journals")
    left = func.sum(journals.c.fen)
    one_sided = (
        select(
            func.concat_ws(" ", "true-up", cast(journals.c.id, String), "leaves", cast(left, String), "fen")
        )
        .group_by(journals.c.id)
        .having(left != 0)
    )
    return union_all(other, one_sided, _without_reckoning(db))


def _booked(db: Reading, fen: Any, party_id: Any) -> Any:
    """Every movement of a true-up's journal, by what it was for."""
    return (
        select(Journal.cause_id.label("id"), party_id.label("party_id"), fen.label("fen"))
        .select_from(Journal)
        .join(
            LedgerEntry, and_(LedgerEntry.tenant_id == Journal.tenant_id, LedgerEntry.journal_id == Journal.id)
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            Journal.tenant_id == db.tenant_id, LedgerEntry.tenant_id == db.tenant_id,
            Journal.cause == Cause.TRUE_UP,
        )
    )  # fmt: skip


def _without_reckoning(db: Reading) -> Any:
    kept = select(TrueUp.id).where(TrueUp.tenant_id == db.tenant_id)
    return select(func.concat_ws(" ", "true-up", cast(Journal.cause_id, String), "has no reckoning")).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.TRUE_UP, Journal.cause_id.not_in(kept)
    )
