"""Books imported history, many lines in one statement: INSERT … SELECT from orders' lines and their frozen terms.

It trades the line-by-line reading of `post` for speed and books the same fen (a test compares them). A journal is one line's, because
an import may add lines to a document that was booked already. Repeating it, or running it twice at once, books nothing twice. A line
larger than LARGEST_AMOUNT is left out, and `verify` names it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Select,
    String,
    Subquery,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    extract,
    func,
    insert,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.ledger import Account, channel_account, move_balances, open_accounts, payable_account
from settlement.models import Contract, FrozenTerms, Journal, LedgerEntry
from settlement.periods import book_into
from settlement.post_terms import BookedTerms, booked_terms
from settlement.split_sql import base_of_kept, portion_sql
from settlement.states import Cause
from tenants.kernel.ids import AccountId, OrderLineId, PartyId, RefundId, StoreId, TenantId, TermsId
from tenants.kernel.money import LARGEST_AMOUNT, Bps
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


class _Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a party's part of a kind of line goes: the accounts and the period."""

    store_id: StoreId
    source: str
    terms_id: TermsId
    month: date
    party_id: PartyId
    rate_bps: Bps | None
    """None for the residual party, whose part is what the other rates leave."""
    other_rates: str
    terms: BookedTerms
    channel: Account
    payable: Account
    period_on: date


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
    await open_accounts(db, {account for route in routes for account in (route.channel, route.payable)})
    names, rows = _entries(db.tenant_id, chunk)
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
    found = (await db.execute(moved, _route_arrays(db.tenant_id, routes, claimed=claimed))).all()
    await move_balances(db, {AccountId(row.account_id): int(row.fen) for row in found})
    return sum(int(row.entries) for row in found)


async def _routes(db: Writing, chunk: Subquery, *, claimed: Sequence[UUID]) -> list[_Route]:
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
        _Route(
            store_id=StoreId(row.store_id), source=row.source, terms_id=terms.terms_id, month=row.month,
            party_id=party_id, rate_bps=rate_bps, terms=terms,
            other_rates=",".join(str(portion.rate_bps) for portion in terms.portions),
            channel=channel_account(StoreId(row.store_id), row.source),
            payable=payable_account(
                party_id, store_id=StoreId(row.store_id), contract_id=terms.contract_id
            ),
            period_on=periods[terms.contract_code, row.month],
        )
        for row in found
        for terms in [book[TermsId(row.terms_id)]]
        for party_id, rate_bps in _parties(terms)
    ]  # fmt: skip


def _parties(terms: BookedTerms) -> list[tuple[PartyId, Bps | None]]:
    portions: list[tuple[PartyId, Bps | None]] = [(each.party_id, each.rate_bps) for each in terms.portions]
    return [*portions, (terms.residual_party_id, None)]


def _entries(tenant_id: TenantId, chunk: Subquery) -> tuple[list[str], Select[*tuple[Any, ...]]]:
    """The rows to append: each party's step with its accounts, swapped when it is negative, left out when it is nothing."""
    parts = _parts(chunk).subquery()
    credited = parts.c.delta > 0
    columns: dict[str, Any] = {
        "tenant_id": literal(tenant_id, PG_UUID),
        "id": _timed_id(
            parts.c.occurred_at, _digest("entry", parts.c.cause, parts.c.cause_id, parts.c.party_id)
        ),
        "journal_id": _journal_id(parts),
        "cause": parts.c.cause,
        "debit_account_id": case((credited, parts.c.channel_id), else_=parts.c.payable_id),
        "credit_account_id": case((credited, parts.c.payable_id), else_=parts.c.channel_id),
        "amount_fen": func.abs(parts.c.delta),
    }
    same = (
        "party_id", "contract_id", "store_id", "terms_id", "order_id", "order_line_id", "refund_id", "refund_line_no",
        "occurred_on", "period_on",
    )  # fmt: skip
    columns |= {name: parts.c[name] for name in same}
    return list(columns), select(*columns.values()).where(parts.c.delta != 0)


def _parts(chunk: Subquery) -> Select[*tuple[Any, ...]]:
    """Each claimed line's step for each party: rounded-down portions, and the rest for the residual party.

    All that terms and contracts say comes along in the routes, so that the lines are read once and joined with nothing else.
    """
    route = _route_table()
    day = cast(func.timezone(route.c.time_zone, chunk.c.occurred_at), Date)
    other = func.unnest(cast(func.string_to_array(route.c.other_rates, ","), ARRAY(BigInteger))).table_valued(
        "bps"
    )
    bps = other.render_derived(name="other").c.bps
    given = select(func.coalesce(func.sum(_step(chunk, bps)), 0)).scalar_subquery()
    rest = cast(chunk.c.after - chunk.c.before - given, BigInteger)
    delta = case((route.c.rate_bps.is_not(None), _step(chunk, route.c.rate_bps)), else_=rest)
    same_kind = and_(
        route.c.terms_id == chunk.c.terms_id, route.c.store_id == chunk.c.store_id,
        route.c.source == chunk.c.source,
        route.c.month == _period(func.timezone(route.c.time_zone, chunk.c.occurred_at), cut_off=route.c.cut_off),
    )  # fmt: skip
    lines = (
        "cause", "cause_id", "order_id", "order_line_id", "refund_id", "refund_line_no", "store_id", "terms_id",
        "occurred_at",
    )  # fmt: skip
    routed = ("party_id", "contract_id", "channel_id", "payable_id", "period_on")
    return (
        select(
            *(chunk.c[name] for name in lines), *(route.c[name] for name in routed),
            day.label("occurred_on"), delta.label("delta"),
        )
        .select_from(chunk.join(route, same_kind))
        .where(_is_claimed(chunk))
    )  # fmt: skip


def _step(chunk: Subquery, bps: Any) -> Any:
    return portion_sql(chunk.c.base_after, bps) - portion_sql(chunk.c.base_before, bps)


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


ROUTE_COLUMNS: dict[str, Any] = {
    "terms_id": PG_UUID, "store_id": PG_UUID, "source": String, "month": Date, "time_zone": String,
    "party_id": PG_UUID, "contract_id": PG_UUID, "rate_bps": BigInteger, "other_rates": String,
    "channel_id": PG_UUID, "payable_id": PG_UUID, "period_on": Date, "cut_off": BigInteger,
}  # fmt: skip


def _route_table() -> Any:
    arrays = [bindparam(f"route_{name}", type_=ARRAY(kind)) for name, kind in ROUTE_COLUMNS.items()]
    columns = (column(name, kind) for name, kind in ROUTE_COLUMNS.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="route")


def _route_arrays(
    tenant_id: TenantId, routes: Sequence[_Route], *, claimed: Sequence[UUID]
) -> dict[str, Any]:
    arrays: dict[str, list[Any]] = {f"route_{name}": [] for name in ROUTE_COLUMNS}
    for route in routes:
        row = msgspec.structs.asdict(route) | {
            "channel_id": route.channel.account_id(tenant_id),
            "payable_id": route.payable.account_id(tenant_id),
            "time_zone": route.terms.time_zone,
            "cut_off": route.terms.cut_off_day,
            "contract_id": route.terms.contract_id,
        }
        for name in ROUTE_COLUMNS:
            arrays[f"route_{name}"].append(row[name])
    return {**arrays, "claimed": claimed}
