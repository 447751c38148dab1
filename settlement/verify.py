"""The laws of the books, as SQL that recounts everything from scratch. Reads only; an operator may run it at any time.

Each law yields a finding: how much was checked, how much breaks it, and the first few examples. What waits to be booked breaks the law
of orders until the worker or `post_pending` has booked it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.agreements.models import TrueUp
from settlement.agreements.promotion_models import TermsFunder
from settlement.days import broken_days
from settlement.laws.beside import collected_off, funded_off
from settlement.laws.channel import fees_off, left_in_clearing, suspense_off, without_journal
from settlement.laws.coupons import coupons_shared_off
from settlement.laws.fees import fees_off_rate
from settlement.laws.gaps import lines_without_terms, missing_statements
from settlement.laws.given_back import left_of_given_back
from settlement.laws.rows import Rows
from settlement.laws.true_ups import true_ups_off
from settlement.models import (
    FrozenTerms,
    Journal,
    LedgerAccount,
    LedgerDay,
    LedgerEntry,
    Statement,
    TermsPortion,
)
from settlement.posting.post_channel import fee_rates
from settlement.posting.split_sql import base_of_kept, portion_sql
from settlement.queries import credited_account, signed_amount
from settlement.splitting.models import Split
from settlement.splitting.verify import counters_off, passed_on_off, payments_off
from settlement.states import (
    ADJUSTMENT,
    COLLECTION,
    COUPONS,
    ENTITLEMENT,
    FEES,
    JOINT,
    PAYMENT,
    SPLITS,
    UNWANTED,
    AccountKind,
    Cause,
)
from settlement.views import BooksReport, Finding
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading

EXAMPLES = 5
SIDES = (
    ((*ENTITLEMENT, *SPLITS, *COLLECTION), AccountKind.CHANNEL, AccountKind.PAYABLE),
    (ADJUSTMENT, AccountKind.CLEARING, AccountKind.PAYABLE),
    ((Cause.PAID_OUT, Cause.PAYOUT_RETURNED), AccountKind.PAYABLE, AccountKind.BANK),
    (COUPONS, AccountKind.CHANNEL, AccountKind.COUPON),
    (FEES, AccountKind.CHANNEL, AccountKind.FEE),
    (UNWANTED, AccountKind.CHANNEL, AccountKind.SUSPENSE),
    (JOINT, AccountKind.CHANNEL, AccountKind.VARIANCE),
)
"""Between which kinds of account each cause moves money."""

STATED: dict[str, tuple[tuple[Cause, ...], int]] = {
    "earned": ((Cause.ORDER_PAID,), 1), "reversed": ((Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND), -1),
    "adjusted": (ADJUSTMENT, 1), "collected": (COLLECTION, -1), "paid": (PAYMENT, -1),
}  # fmt: skip
"""The figures of a statement: which causes they count, and as whose gain."""


async def verify_books(db: Reading) -> BooksReport:
    """Recount the books of the tenant."""
    findings = []
    for law, (broken, counted) in _laws(db, rates=await fee_rates(db)).items():
        checked = select(func.count()).select_from(counted).where(counted.tenant_id == db.tenant_id)
        findings.append(
            await _finding(db, law, broken=broken, checked=(await db.execute(checked)).scalar_one())
        )
    return BooksReport(findings=findings)


Laws = dict[str, tuple[Rows, Any]]
"""Each law: what breaks it, and the table whose rows it is about."""


def _laws(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Laws:
    return {
        **_laws_of_entries(db),
        **_laws_of_the_channel(db, rates=rates),
        **_laws_of_sales(db),
        "every statement equals its entries and goes on from the one before": (_statements(db), Statement),
        "every closed month has its statements": (missing_statements(db), Statement),
        "every line that moved money has frozen terms": (lines_without_terms(db), FrozenTerms),
        "every true-up gave what was reckoned, and took it from somebody": (true_ups_off(db), TrueUp),
    }


def _laws_of_entries(db: Reading) -> Laws:
    return {
        "balances recomputed from the entries equal the stored ones": (_balances(db), LedgerAccount),
        "every entry moves between the accounts its cause names, of its own store and party": (
            _sides(db),
            LedgerEntry,
        ),
        "every entry stands in a journal of its own cause": (without_journal(db), LedgerEntry),
        "nothing stays on clearing: each journal passes on what it takes": (left_in_clearing(db), Journal),
        "every sealed day is what it was when it was sealed": (broken_days(db), LedgerDay),
    }


def _laws_of_the_channel(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Laws:
    return {
        "every payment and refund through the channel has its fee booked, and none is left of what went back whole": (
            fees_off(db),
            Journal,
        ),
        "every fee is its merchant's rate of the payment, and what is left of it that of what is kept": (
            fees_off_rate(db, rates=rates),
            Journal,
        ),
        "suspense holds what came in unwanted and has not gone back": (suspense_off(db), LedgerAccount),
        "per order each party bears what its contract says of coupons": (coupons_shared_off(db), LedgerEntry),
    }


def _laws_of_sales(db: Reading) -> Laws:
    return {
        "per order line the ledger holds what was paid less what was refunded": (_kept(db), LedgerEntry),
        "per order line each party holds exactly its part of split(kept)": (_shares(db), LedgerEntry),
        "per refund without a known sale each party gave exactly its part of split(amount)": (
            _loose(db),
            LedgerEntry,
        ),
        "per order and party the ledger paid what splits gave less what returns brought back": (
            payments_off(db),
            Split,
        ),
        "per order the counter of split money equals parts less what was asked back": (
            counters_off(db),
            Split,
        ),
        "per line its collector, and nobody else, has taken exactly what is kept": (
            collected_off(db),
            LedgerEntry,
        ),
        "per order a collector passed on exactly what splits took from it": (passed_on_off(db), Split),
        "per order line each funder bears exactly its part of the discount on what is kept": (
            funded_off(db),
            TermsFunder,
        ),
        "of an order given back whole every party stands at nothing": (left_of_given_back(db), LedgerEntry),
    }


async def _finding(db: Reading, law: str, *, broken: Rows, checked: int) -> Finding:
    found = broken.subquery()
    counted = select(found.c.what, func.count().over().label("broken")).order_by(found.c.what).limit(EXAMPLES)
    rows = (await db.execute(counted)).all()
    return Finding(
        law=law, checked=checked, broken=rows[0].broken if rows else 0, examples=[row.what for row in rows]
    )


def _told(*parts: Any) -> Any:
    return func.concat_ws(" ", *(cast(part, String) for part in parts)).label("what")


def _balances(db: Reading) -> Rows:
    sides = union_all(
        select(
            LedgerEntry.debit_account_id.label("account_id"), (-LedgerEntry.amount_fen).label("fen")
        ).where(LedgerEntry.tenant_id == db.tenant_id),
        select(LedgerEntry.credit_account_id, LedgerEntry.amount_fen).where(
            LedgerEntry.tenant_id == db.tenant_id
        ),
    ).subquery()
    moved = (
        select(sides.c.account_id, func.sum(sides.c.fen).label("fen")).group_by(sides.c.account_id).subquery()
    )
    recounted = func.coalesce(moved.c.fen, 0)
    return (
        select(_told("account", LedgerAccount.id, "holds", LedgerAccount.balance_fen, "not", recounted))
        .outerjoin(moved, moved.c.account_id == LedgerAccount.id)
        .where(LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.balance_fen != recounted)
    )


def _sides(db: Reading) -> Rows:
    """Entries whose two accounts are not of the kinds that their cause moves between, or not of their own store and party."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)

    def owns(account: Any) -> Any:
        """Whether the account is of the entry's own store, and a party's account of its own party and contract."""
        partys = and_(
            account.party_id == LedgerEntry.party_id,
            account.contract_id.is_not_distinct_from(LedgerEntry.contract_id),
            account.store_id.is_not_distinct_from(LedgerEntry.store_id),
        )
        stores = account.store_id.is_not_distinct_from(LedgerEntry.store_id)
        return case(
            (account.kind == AccountKind.PAYABLE, partys),
            (account.kind == AccountKind.BANK, true()),
            else_=stores,
        )

    def between(kind: AccountKind, other: AccountKind) -> Any:
        either = or_(
            and_(debit.kind == kind, credit.kind == other), and_(debit.kind == other, credit.kind == kind)
        )
        return and_(either, owns(debit), owns(credit))

    sound = case(
        *((LedgerEntry.cause.in_(causes), between(kind, other)) for causes, kind, other in SIDES),
        else_=false(),
    )
    return (
        select(_told("entry", LedgerEntry.id))
        .outerjoin(debit, and_(debit.tenant_id == db.tenant_id, debit.id == LedgerEntry.debit_account_id))
        .outerjoin(credit, and_(credit.tenant_id == db.tenant_id, credit.id == LedgerEntry.credit_account_id))
        .where(LedgerEntry.tenant_id == db.tenant_id, sound.is_not(true()))
    )


def _kept(db: Reading) -> Rows:
    """What orders say of a line, less what the ledger says of it."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    told = union_all(
        select(sold.c.order_line_id.label("line_id"), sold.c.paid_fen.label("fen")),
        select(undone.c.order_line_id, -undone.c.amount_fen).where(undone.c.order_line_id.is_not(None)),
        select(LedgerEntry.order_line_id, -signed_amount())
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_line_id.is_not(None),
            LedgerEntry.cause.in_(ENTITLEMENT),
        ),
    ).subquery()  # fmt: skip
    off = func.sum(told.c.fen)
    return (
        select(_told("order line", told.c.line_id, "is off by", off, "fen"))
        .group_by(told.c.line_id)
        .having(off != 0)
    )


def _shares(db: Reading) -> Rows:
    """Per line and party: the part of split(kept) that is due, less what the ledger holds."""
    held = (
        select(
            LedgerEntry.order_line_id.label("line_id"), LedgerEntry.terms_id, LedgerEntry.party_id,
            func.sum(signed_amount()).label("fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_line_id.is_not(None),
            LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .group_by(LedgerEntry.order_line_id, LedgerEntry.terms_id, LedgerEntry.party_id)
    ).subquery("held")  # fmt: skip
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    bases = select(sold.c.order_line_id.label("line_id"), sold.c.paid_fen, sold.c.base_fen).subquery("bases")
    return _not_due(db, _kept_of(held, bases), held=held, name="order line")


def _loose(db: Reading) -> Rows:
    """The same for refunds that stand alone; their sum is negative, so the split is of the amount given back."""
    fen = -signed_amount()
    held = (
        select(
            func.concat_ws("/", LedgerEntry.refund_id, LedgerEntry.refund_line_no).label("line_id"),
            LedgerEntry.terms_id, LedgerEntry.party_id, fen.label("fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause == Cause.LOOSE_REFUND)
    ).subquery("held")  # fmt: skip
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    bases = select(
        func.concat_ws("/", undone.c.refund_id, undone.c.refund_line_no).label("line_id"),
        undone.c.amount_fen.label("paid_fen"), undone.c.base_fen,
    ).subquery("bases")  # fmt: skip
    return _not_due(db, _kept_of(held, bases), held=held, name="refund line")


def _kept_of(held: Any, bases: Any) -> Any:
    """What is kept of each line, all parties together, and the base of that. A line that orders do not know has what was kept for its base."""
    kept = (
        select(held.c.line_id, held.c.terms_id, cast(func.sum(held.c.fen), BigInteger).label("fen")).group_by(
            held.c.line_id, held.c.terms_id
        )
    ).subquery("summed")
    base = base_of_kept(kept.c.fen, paid=bases.c.paid_fen, base=bases.c.base_fen)
    return (
        select(kept.c.line_id, kept.c.terms_id, kept.c.fen, base.label("base_fen")).outerjoin(
            bases, bases.c.line_id == kept.c.line_id
        )
    ).subquery("kept")


def _not_due(db: Reading, kept: Any, *, held: Any, name: str) -> Rows:
    part = portion_sql(kept.c.base_fen, TermsPortion.rate_bps)
    of_line = and_(TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id == kept.c.terms_id)
    given = select(func.coalesce(func.sum(part), 0)).where(of_line).correlate(kept).scalar_subquery()
    due = union_all(
        select(kept.c.line_id, TermsPortion.party_id, part.label("fen")).join(TermsPortion, of_line),
        select(kept.c.line_id, FrozenTerms.residual_party_id, kept.c.fen - given).join(
            FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == kept.c.terms_id)
        ),
        select(held.c.line_id, held.c.party_id, -held.c.fen),
    ).subquery("due")
    off = func.sum(due.c.fen)
    return (
        select(_told(literal(name), due.c.line_id, "party", due.c.party_id, "is short of", off, "fen"))
        .group_by(due.c.line_id, due.c.party_id)
        .having(off != 0)
    )


def _statements(db: Reading) -> Rows:
    """Statements, in any version, that say something else than their entries or do not open with what the month before closed with."""
    moved, chained = _moved_by_version(db), _chained(db)
    counted = {name: func.coalesce(func.sum(moved.c[name]), 0) for name in (*STATED, "lines")}
    sound = and_(
        Statement.opening_fen == chained.c.opens_with,
        *(getattr(Statement, f"{name}_fen") == counted[name] for name in STATED),
        Statement.lines == counted["lines"],
    )
    return (
        select(_told("statement", Statement.id))
        .join(
            chained,
            and_(chained.c.party_id == Statement.party_id, chained.c.period_on == Statement.period_on),
        )
        .outerjoin(
            moved,
            and_(
                moved.c.party_id == Statement.party_id, moved.c.period_on == Statement.period_on,
                moved.c.version <= Statement.version,
            ),
        )
        .where(Statement.tenant_id == db.tenant_id)
        .group_by(Statement.tenant_id, Statement.id, chained.c.opens_with)
        .having(not_(sound))
    )  # fmt: skip


def _moved_by_version(db: Reading) -> Any:
    """What entries say of each party's month, by the version of the statement that they came with."""
    return (
        select(
            LedgerEntry.party_id, LedgerEntry.period_on, LedgerEntry.statement_version.label("version"),
            *(
                func.sum(case((LedgerEntry.cause.in_(causes), sign * signed_amount()), else_=0)).label(name)
                for name, (causes, sign) in STATED.items()
            ),
            func.count().filter(LedgerEntry.cause.in_(ENTITLEMENT)).label("lines"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id)
        .group_by(LedgerEntry.party_id, LedgerEntry.period_on, LedgerEntry.statement_version)
    ).subquery("moved")  # fmt: skip


def _chained(db: Reading) -> Any:
    """For each party's month, what the last version of the month before closed with."""
    newest = func.max(Statement.version).over(partition_by=(Statement.party_id, Statement.period_on))
    versions = (
        select(Statement.party_id, Statement.period_on, Statement.closing_fen, Statement.version, newest.label("newest"))
        .where(Statement.tenant_id == db.tenant_id)
        .subquery("versions")
    )  # fmt: skip
    before = func.lag(versions.c.closing_fen, 1, 0).over(
        partition_by=versions.c.party_id, order_by=versions.c.period_on
    )
    return (
        select(versions.c.party_id, versions.c.period_on, before.label("opens_with"))
        .where(versions.c.version == versions.c.newest)
        .subquery("chained")
    )
