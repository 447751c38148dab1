"""Books imported history, many lines in one statement: INSERT … SELECT from orders' lines and their frozen terms.

It trades the line-by-line reading of `post` for speed and books the same fen (a test compares them). A journal is one line's, because
an import may add lines to a document that was booked already. Repeating it, or running it twice at once, books nothing twice. A line
larger than LARGEST_AMOUNT is left out, and `verify` names it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Numeric,
    Select,
    Subquery,
    and_,
    any_,
    bindparam,
    case,
    cast,
    extract,
    func,
    insert,
    literal,
    not_,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.history_routes import Kind, Role, Route, routes_of
from settlement.ledger import move_balances, open_accounts
from settlement.models import Contract, FrozenTerms, Journal, LedgerEntry
from settlement.periods import book_into
from settlement.post_terms import booked_terms
from settlement.route_arrays import route_arrays, route_table
from settlement.split_sql import base_of_kept, portion_sql
from settlement.states import Cause
from tenants.kernel.ids import AccountId, OrderLineId, RefundId, StoreId, TenantId, TermsId
from tenants.kernel.money import LARGEST_AMOUNT
from tenants.kernel.scope import Writing

AT_ONCE = 5_000
"""Lines a transaction looks at: small enough that nobody waits long for the balances it moves."""


LAST_DAY = 31
"""The cut-off of a contract that has none."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a walk over the lines has come: first the sales by line, then the refunds by refund and line."""

    line_id: OrderLineId | None = None
    sales_done: bool = False
    refund_id: RefundId | None = None
    refund_line_no: int = 0


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of the walk did; `cursor` is where the next one goes on, None at the end."""

    seen: int
    lines: int
    entries: int
    cursor: Cursor | None


async def post_history(
    db: Writing, *, source_name: str | None, cursor: Cursor, now: datetime, at_once: int = AT_ONCE
) -> Booked:
    """Book what is not booked among the next `at_once` imported lines (of one source, or of all)."""
    steps = _refund_steps(db.tenant_id) if cursor.sales_done else _sale_steps(db.tenant_id)
    chunk, seen, last = await _next_chunk(db, steps, source_name=source_name, cursor=cursor, at_once=at_once)
    claimed = await _open_journals(db, chunk, now=now) if seen else []
    entries = await _book(db, chunk, claimed=claimed) if claimed else 0
    return Booked(
        seen=seen,
        lines=len(claimed),
        entries=entries,
        cursor=_next_cursor(cursor, last, more=seen == at_once),
    )


def _next_cursor(cursor: Cursor, last: Any, *, more: bool) -> Cursor | None:
    if more and not cursor.sales_done:
        return Cursor(line_id=OrderLineId(last.key))
    if more:
        return Cursor(sales_done=True, refund_id=RefundId(last.key), refund_line_no=last.line_no)
    return None if cursor.sales_done else Cursor(sales_done=True)


def _sale_steps(tenant_id: TenantId) -> Subquery:
    """Each imported sale line as a step: nothing kept before, what was paid after."""
    settled = settled_lines_select(tenant_id).subquery()
    return select(
        settled.c.order_line_id.label("key"),
        literal(0).label("line_no"),
        literal(Cause.ORDER_PAID.value).label("cause"),
        settled.c.order_line_id.label("cause_id"),
        settled.c.order_id,
        settled.c.order_line_id,
        cast(null(), PG_UUID).label("refund_id"),
        cast(null(), BigInteger).label("refund_line_no"),
        settled.c.store_id,
        settled.c.source,
        settled.c.source_name,
        settled.c.terms_id,
        literal(0, BigInteger).label("before"),
        settled.c.paid_fen.label("after"),
        settled.c.paid_fen.label("paid"),
        settled.c.discount_fen.label("discount"),
        literal(0, BigInteger).label("base_before"),
        base_of_kept(settled.c.paid_fen, paid=settled.c.paid_fen, base=settled.c.base_fen).label(
            "base_after"
        ),
        settled.c.paid_at.label("occurred_at"),
    ).subquery()


def _refund_steps(tenant_id: TenantId) -> Subquery:
    """Each imported refund line as a step: from what was kept to what is kept; without a known sale, from the amount to nothing."""
    undone = reversed_lines_select(tenant_id).subquery()
    known = and_(undone.c.order_line_id.is_not(None), undone.c.kept_before_fen.is_not(None))
    before = case((known, undone.c.kept_before_fen), else_=undone.c.amount_fen)
    after = before - undone.c.amount_fen
    paid = case((known, undone.c.line_paid_fen), else_=undone.c.amount_fen)
    base = case((known, undone.c.line_base_fen), else_=undone.c.base_fen)
    return select(
        undone.c.refund_id.label("key"),
        undone.c.refund_line_no.label("line_no"),
        case((known, Cause.ORDER_REFUNDED.value), else_=Cause.LOOSE_REFUND.value).label("cause"),
        cast(func.substr(_digest("refund", undone.c.refund_id, undone.c.refund_line_no), 1, 32), PG_UUID).label("cause_id"),
        undone.c.order_id,
        undone.c.order_line_id,
        undone.c.refund_id,
        undone.c.refund_line_no,
        undone.c.store_id,
        undone.c.source,
        undone.c.source_name,
        undone.c.terms_id,
        before.label("before"),
        after.label("after"),
        undone.c.line_paid_fen.label("paid"),
        case((known, undone.c.line_discount_fen), else_=0).label("discount"),
        base_of_kept(before, paid=paid, base=base).label("base_before"),
        base_of_kept(after, paid=paid, base=base).label("base_after"),
        undone.c.refunded_at.label("occurred_at"),
    ).subquery()  # fmt: skip


async def _next_chunk(
    db: Writing, steps: Subquery, *, source_name: str | None, cursor: Cursor, at_once: int
) -> tuple[Subquery, int, Any]:
    """The steps after the cursor, how many there are, and the last of them."""
    key = tuple_(steps.c.key, steps.c.line_no)
    # An import refuses such amounts; were one there all the same, a thousand of them would burst a balance and stop every other line.
    sane = and_(
        *(steps.c[name] <= LARGEST_AMOUNT for name in ("before", "after", "base_before", "base_after"))
    )
    chosen = select(steps).where(steps.c.source == Source.HISTORY, sane)
    if source_name is not None:
        chosen = chosen.where(steps.c.source_name == source_name)
    if cursor.sales_done and cursor.refund_id is not None:
        chosen = chosen.where(key > tuple_(cursor.refund_id, cursor.refund_line_no))
    if not cursor.sales_done and cursor.line_id is not None:
        chosen = chosen.where(steps.c.key > cursor.line_id)
    walked = chosen.order_by(steps.c.key, steps.c.line_no).limit(at_once).subquery()
    newest_first = select(
        walked.c.key, walked.c.line_no, func.count().over().label("seen")
    ).order_by(walked.c.key.desc(), walked.c.line_no.desc())  # fmt: skip
    last = (await db.execute(newest_first.limit(1))).one_or_none()
    if last is None:
        return walked, 0, None
    ended = key <= tuple_(last.key, last.line_no) if cursor.sales_done else steps.c.key <= last.key
    return chosen.where(ended).subquery(), last.seen, last


async def _open_journals(db: Writing, chunk: Subquery, *, now: datetime) -> list[UUID]:
    """Open the journals that do not exist yet; whoever opens one books its line."""
    # The key decides alone: looking first with NOT EXISTS is planned badly while a fresh import has no statistics yet.
    wanted = select(
        literal(db.tenant_id, PG_UUID), _journal_id(chunk), chunk.c.cause, chunk.c.cause_id, chunk.c.occurred_at,
        literal(now, Journal.posted_at.type),
    )  # fmt: skip
    names = ["tenant_id", "id", "cause", "cause_id", "occurred_at", "posted_at"]
    statement = upsert(Journal).from_select(names, wanted).on_conflict_do_nothing()
    return list((await db.execute(statement.returning(Journal.cause_id))).scalars())


async def _book(db: Writing, chunk: Subquery, *, claimed: Sequence[UUID]) -> int:
    """Append the claimed lines' entries and move the balances; returns the entries written."""
    routes = await _routes(db, chunk, claimed=claimed)
    await open_accounts(db, {account for route in routes for account in (route.against, route.account)})
    names, rows = _entries(db.tenant_id, chunk, shared=any(route.of_discount for route in routes))
    appended = (
        insert(LedgerEntry)
        .from_select(names, rows)
        .returning(LedgerEntry.debit_account_id, LedgerEntry.credit_account_id, LedgerEntry.amount_fen)
        .cte("appended")
    )
    sides = union_all(
        select(appended.c.debit_account_id.label("account_id"), (-appended.c.amount_fen).label("fen"), literal(0).label("entry")),
        select(appended.c.credit_account_id, appended.c.amount_fen, literal(1)),
    ).subquery()  # fmt: skip
    moved = select(
        sides.c.account_id, func.sum(sides.c.fen).label("fen"), func.sum(sides.c.entry).label("entries")
    ).group_by(sides.c.account_id)
    found = (await db.execute(moved, route_arrays(db.tenant_id, routes, claimed=claimed))).all()
    await move_balances(db, {AccountId(row.account_id): int(row.fen) for row in found})
    return sum(int(row.entries) for row in found)


async def _routes(db: Writing, chunk: Subquery, *, claimed: Sequence[UUID]) -> list[Route]:
    """Every kind of line among the claimed ones, for every party of its terms."""
    month = _period(func.timezone(Contract.time_zone, chunk.c.occurred_at), cut_off=Contract.cut_off_day)
    kinds = (
        select(chunk.c.store_id, chunk.c.source, chunk.c.terms_id, month.label("month"))
        .join(FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == chunk.c.terms_id))
        .join(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == FrozenTerms.contract_id))
        .where(_is_claimed(chunk))
        .distinct()
    )
    found = (await db.execute(kinds, {"claimed": claimed})).all()
    book = await booked_terms(db, {TermsId(row.terms_id) for row in found})
    periods = await book_into(db, {(book[TermsId(row.terms_id)].contract_code, row.month) for row in found})
    return [
        route
        for row in found
        for terms in [book[TermsId(row.terms_id)]]
        for kind in [
            Kind(store_id=StoreId(row.store_id), source=row.source, terms_id=terms.terms_id, month=row.month)
        ]
        for route in routes_of(kind, terms, period_on=periods[terms.contract_code, row.month])
    ]


def _entries(
    tenant_id: TenantId, chunk: Subquery, *, shared: bool
) -> tuple[list[str], Select[*tuple[Any, ...]]]:
    """The rows to append: each party's step with its accounts, swapped when it is negative, left out when it is nothing."""
    # OFFSET keeps the planner from writing each step's arithmetic out at every place where the row names it.
    parts = _parts(chunk, shared=shared).offset(0).subquery()
    # Role and funder say nothing of most entries; those keep the ids that they would have had without them.
    named = case(
        (parts.c.role == Role.PORTION, null()), else_=func.concat_ws("|", parts.c.role, parts.c.about)
    )
    digest = _digest("entry", parts.c.chunk_cause, parts.c.cause_id, parts.c.party_id, named)
    credited = parts.c.delta > 0
    columns: dict[str, Any] = {
        "tenant_id": literal(tenant_id, PG_UUID),
        "id": _timed_id(parts.c.occurred_at, digest),
        "journal_id": _timed_id(
            parts.c.occurred_at, _digest("journal", parts.c.chunk_cause, parts.c.cause_id)
        ),
        "cause": parts.c.cause,
        "debit_account_id": case((credited, parts.c.against_id), else_=parts.c.account_id),
        "credit_account_id": case((credited, parts.c.account_id), else_=parts.c.against_id),
        "amount_fen": func.abs(parts.c.delta),
    }
    same = (
        "party_id", "contract_id", "store_id", "terms_id", "order_id", "order_line_id", "refund_id", "refund_line_no",
        "occurred_on", "period_on",
    )  # fmt: skip
    columns |= {name: parts.c[name] for name in same}
    return list(columns), select(*columns.values()).where(parts.c.delta != 0)


def _parts(chunk: Subquery, *, shared: bool) -> Select[*tuple[Any, ...]]:
    """Each claimed line's step for each party: rounded-down portions, and the rest for the residual party.

    All that terms and contracts say comes along in the routes, so that the lines are read once and joined with nothing else. `shared`: some
    routes are of a discount.
    """
    route = route_table()
    day = cast(func.timezone(route.c.time_zone, chunk.c.occurred_at), Date)
    other = func.unnest(cast(func.string_to_array(route.c.other_rates, ","), ARRAY(BigInteger))).table_valued(
        "bps"
    )
    bps = other.render_derived(name="other").c.bps
    taken = _taken_of(chunk, route) if shared else _kept_of(chunk)
    given = select(func.coalesce(func.sum(taken.step(bps)), 0)).scalar_subquery()
    rest = cast(taken.after - taken.before - given, BigInteger)
    step = case((route.c.rate_bps.is_not(None), taken.step(route.c.rate_bps)), else_=rest)
    same_kind = and_(
        route.c.terms_id == chunk.c.terms_id, route.c.store_id == chunk.c.store_id,
        route.c.source == chunk.c.source,
        route.c.month == _period(func.timezone(route.c.time_zone, chunk.c.occurred_at), cut_off=route.c.cut_off),
    )  # fmt: skip
    lines = (
        "cause_id", "order_id", "order_line_id", "refund_id", "refund_line_no", "store_id", "terms_id",
        "occurred_at",
    )  # fmt: skip
    routed = ("party_id", "contract_id", "against_id", "account_id", "period_on", "role", "about")
    return (
        select(
            *(chunk.c[name] for name in lines), *(route.c[name] for name in routed),
            chunk.c.cause.label("chunk_cause"), _cause(chunk, route).label("cause"), day.label("occurred_on"),
            (route.c.sign * step).label("delta"),
        )
        .select_from(chunk.join(route, same_kind))
        .where(_is_claimed(chunk))
    )  # fmt: skip


class _Taken(NamedTuple):
    """What parts are taken of, before and after a step: of `before` and `after` in all, by rates of the bases."""

    before: Any
    after: Any
    base_before: Any
    base_after: Any

    def step(self, bps: Any) -> Any:
        """How much more a rate gives after than before."""
        return portion_sql(self.base_after, bps) - portion_sql(self.base_before, bps)


def _kept_of(chunk: Subquery) -> _Taken:
    return _Taken(chunk.c.before, chunk.c.after, chunk.c.base_before, chunk.c.base_after)


def _taken_of(chunk: Subquery, route: Any) -> _Taken:
    """What is kept, or the part of the discount that goes with it; before a sale there is no discount."""
    sold, of_kept = chunk.c.cause == Cause.ORDER_PAID, not_(route.c.of_discount)

    def borne(kept: Any) -> Any:
        share = func.div(cast(chunk.c.discount, Numeric) * kept, func.nullif(chunk.c.paid, 0))
        return case((chunk.c.paid == 0, chunk.c.discount), else_=cast(share, BigInteger))

    before, after = case((sold, 0), else_=borne(chunk.c.before)), borne(chunk.c.after)
    borne_of = (before, after, before, after)
    pairs = zip(_kept_of(chunk), borne_of, strict=True)
    return _Taken(*(case((of_kept, kept), else_=fen) for kept, fen in pairs))


def _cause(chunk: Subquery, route: Any) -> Any:
    sold = chunk.c.cause == Cause.ORDER_PAID
    return case(
        (route.c.role == Role.PORTION, chunk.c.cause),
        (route.c.role == Role.COLLECTED, case((sold, Cause.COLLECTED.value), else_=Cause.COLLECTION_RETURNED.value)),
        else_=case((sold, Cause.FUNDED.value), else_=Cause.FUNDING_REVERSED.value),
    )  # fmt: skip


def _period(local: Any, *, cut_off: Any) -> Any:
    """The period of a local time (`calendar.period_of`): days after the cut-off are the next month's."""
    later = case((extract("day", local) > func.coalesce(cut_off, LAST_DAY), 1), else_=0)
    return cast(func.date_trunc("month", local) + func.make_interval(0, later), Date)


def _digest(*parts: Any) -> Any:
    return func.encode(func.sha256(func.convert_to(func.concat_ws("|", *parts), "UTF8")), "hex")


def _timed_id(occurred_at: Any, digest: Any) -> Any:
    """An id that the content always gives, in the form of our time-ordered ids: when it happened, then the digest."""
    milliseconds = cast(func.greatest(func.floor(func.extract("epoch", occurred_at) * 1000), 0), BigInteger)
    timed = func.overlay(func.left(digest, 32), func.lpad(func.to_hex(milliseconds), 12, "0"), 1)
    return cast(func.overlay(func.overlay(timed, "7", 13), "8", 17), PG_UUID)


def _journal_id(steps: Any) -> Any:
    return _timed_id(steps.c.occurred_at, _digest("journal", steps.c.cause, steps.c.cause_id))


def _is_claimed(steps: Subquery) -> Any:
    """The claimed lines alone. ANY over an array is hashed whatever the planner expects; a join with unnest() may not be."""
    return steps.c.cause_id == any_(bindparam("claimed", type_=ARRAY(PG_UUID)))
