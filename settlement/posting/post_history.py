"""Books imported history, tens of thousands of lines in one statement: journals, entries and the sums of what they move.

It trades the line-by-line reading of `post` for speed and books the same fen (a test compares them; `scripts/bench_settlement.py`
measures). A journal is one line's, because an import may add lines to a document that was booked already. Repeating it, or running it
twice at once, books nothing twice. A line larger than LARGEST_AMOUNT is left out, and `verify` names it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Date,
    Numeric,
    Select,
    case,
    cast,
    extract,
    func,
    insert,
    literal,
    not_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.days import posting_moment
from settlement.ledger import move_balances, open_accounts
from settlement.models import Journal, LedgerEntry
from settlement.periods import first_open, note_booked
from settlement.posting.history_routes import Role, routes_of
from settlement.posting.history_steps import (
    Cursor,
    Kind,
    Stretch,
    given_away_and_back,
    next_chunk,
    passing,
    steps_of,
    units_ahead,
    waiting_steps,
)
from settlement.posting.post_terms import booked_terms
from settlement.posting.route_arrays import RouteArrays, kind_table, route_arrays, route_table
from settlement.posting.split_sql import portion_sql
from settlement.states import Cause
from tenants.kernel.ids import AccountId, OrderId, RefundId, TenantId, new_id
from tenants.kernel.scope import Writing

AT_ONCE = 20_000
"""Lines a transaction books. Balances are held for its last statement alone, so nobody waits for the rest; larger ones gain little."""
LAST_DAY = 31
"""The cut-off of a contract that has none."""
_OF_LINE = ("number", "store_id", "terms_id", "order_id", "order_line_id", "refund_id", "refund_line_no")
_OF_ROUTE = ("place", "party_id", "contract_id", "against_id", "account_id")
PARTIES = 64
"""More parties than one line ever has: numbers entries within a chunk."""


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of the walk did; `cursor` is where the next one goes on, None at the end."""

    seen: int
    lines: int
    entries: int
    cursor: Cursor | None


async def post_history(
    db: Writing, *, source_name: str | None, cursor: Cursor, now: datetime, at_once: int = AT_ONCE
) -> Booked:
    """Book the next `at_once` imported lines that wait (of one source, or of all)."""
    waiting = waiting_steps(db, refunds=cursor.sales_done, source_name=source_name)
    chunk = await next_chunk(db, waiting, cursor=cursor, at_once=at_once)
    if chunk is None:
        return Booked(seen=0, lines=0, entries=0, cursor=_end_of(cursor))
    routes = await open_routes(db, kinds=chunk.kinds)
    lines, entries = await _book(db, steps_of(waiting, chunk.stretch), routes=routes, now=now)
    document, line_no = chunk.stretch.last
    if chunk.seen < at_once:
        after = _end_of(cursor)
    elif cursor.sales_done:
        after = Cursor(sales_done=True, refund_id=RefundId(document), line_no=line_no)
    else:
        after = Cursor(order_id=OrderId(document), line_no=line_no)
    return Booked(seen=chunk.seen, lines=lines, entries=entries, cursor=after)


async def post_stretch(
    db: Writing, *, stretch: Stretch, refunds: bool, routes: RouteArrays, now: datetime
) -> tuple[int, int]:
    """Book the lines of a stretch that still wait and are of a kind that the routes know; returns the lines and entries booked."""
    return await _book(db, steps_of(waiting_steps(db, refunds=refunds), stretch), routes=routes, now=now)


async def open_routes(db: Writing, *, kinds: Sequence[Kind]) -> RouteArrays:
    """Every kind of line, for every party of its terms; opens the accounts.

    All at once before lanes book side by side: two that open the same account would wait for each other's whole chunk.
    """
    book = await booked_terms(db, {kind.terms_id for kind in kinds})
    routes = [route for kind in kinds for route in routes_of(kind, book[kind.terms_id])]
    await open_accounts(db, {account for route in routes for account in (route.against, route.account)})
    return route_arrays(db.tenant_id, routes)


def _end_of(cursor: Cursor) -> Cursor | None:
    return None if cursor.sales_done else Cursor(sales_done=True)


async def _book(
    db: Writing, steps: Select[*tuple[Any, ...]], *, routes: RouteArrays, now: datetime
) -> tuple[int, int]:
    """Open the lines' journals, append their entries, move the balances; returns the lines and entries booked."""
    opens = await first_open(db, routes.codes.values())
    line = (units_ahead(_known(await _held(db, steps))) if routes.shared else _known(steps)).cte("line")
    opened = _opened(db.tenant_id, line, now=await posting_moment(db, now))
    names, rows = _entries(db.tenant_id, line, opened=opened, shared=routes.shared)
    appended = (
        insert(LedgerEntry)
        .from_select(names, rows)
        .returning(
            LedgerEntry.debit_account_id, LedgerEntry.credit_account_id, LedgerEntry.amount_fen,
            LedgerEntry.contract_id, LedgerEntry.period_on,
        )
        .cte("appended")
    )  # fmt: skip
    sides = union_all(
        select(appended.c.debit_account_id.label("id"), (-appended.c.amount_fen).label("fen"), literal(None, Date).label("period_on")),
        select(appended.c.credit_account_id, appended.c.amount_fen, literal(None, Date)),
        select(appended.c.contract_id, literal(1, BigInteger), appended.c.period_on),
        select(literal(None, PG_UUID), func.count(), literal(None, Date)).select_from(opened),
    ).subquery("side")  # fmt: skip
    summed = select(sides.c.id, sides.c.period_on, func.sum(sides.c.fen).label("fen"))
    found = (await db.execute(summed.group_by(sides.c.id, sides.c.period_on), routes.values(opens))).all()
    booked = {
        (routes.codes[row.id], row.period_on): int(row.fen) for row in found if row.period_on is not None
    }
    await note_booked(db, booked)
    deltas = {
        AccountId(row.id): int(row.fen) for row in found if row.period_on is None and row.id is not None
    }
    await move_balances(db, deltas)
    lines = next(int(row.fen) for row in found if row.id is None)
    return lines, sum(booked.values())


async def _held(db: Writing, steps: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The steps; where refunds of lines of which nothing was paid are among them, one transaction has those after the other.

    What was kept before one of them is what booked ones left, and two lanes may take back units of one line. A refund of a paid line says
    itself what was kept before it, and waits for nobody. One that was imported since is left for the next time.
    """
    given_away = given_away_and_back(steps)
    if not (await db.execute(select(steps.where(given_away).exists()))).scalar_one():
        return steps.where(passing(not_(given_away)))
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.given_away:' || tenant_id::text, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id})
    return steps


def _known(steps: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The lines of the kinds that routes were made for: one of a kind that came since is not opened, and waits for the next time."""
    step, kind = steps.selected_columns, kind_table()
    known = tuple_(step.terms_id, step.store_id, step.source).in_(
        select(kind.c.terms_id, kind.c.store_id, kind.c.source)
    )
    return steps.where(passing(known))


def _opened(tenant_id: TenantId, line: CTE, *, now: datetime) -> CTE:
    """The journals that did not exist yet; whoever opens one books its line."""
    wanted = select(
        literal(tenant_id, PG_UUID), _numbered_id(new_id(), line.c.number), line.c.cause, line.c.cause_id,
        line.c.occurred_at, literal(now, Journal.posted_at.type),
    ).order_by(line.c.number)  # fmt: skip
    names = ["tenant_id", "id", "cause", "cause_id", "occurred_at", "posted_at"]
    statement = upsert(Journal).from_select(names, wanted)
    statement = statement.on_conflict_do_nothing(
        index_elements=[Journal.tenant_id, Journal.cause, Journal.cause_id]
    )
    return statement.returning(Journal.id, Journal.cause_id).cte("opened")


def _entries(
    tenant_id: TenantId, line: CTE, *, opened: CTE, shared: bool
) -> tuple[list[str], Select[*tuple[Any, ...]]]:
    """The rows to append: each party's step with its accounts, swapped when it is negative, left out when it is nothing.

    FULL JOIN, because it can only be hashed or merged. A fresh import has no statistics, the planner then expects a handful of lines
    and routes, and a nested loop over twenty thousand of each takes minutes. What has no partner is dropped by `num_nonnulls`, which the
    planner cannot look into: IS NOT NULL would turn the joins back into inner ones. `shared`: some routes are of a discount.
    """
    route = route_table()
    joined = line.join(opened, opened.c.cause_id == line.c.cause_id, full=True).join(
        route,
        (route.c.terms_id == line.c.terms_id)
        & (route.c.store_id == line.c.store_id)
        & (route.c.source == line.c.source),
        full=True,
    )
    day = cast(func.timezone(route.c.time_zone, line.c.occurred_at), Date)
    part = (
        select(
            *(line.c[name] for name in _OF_LINE), *(route.c[name] for name in _OF_ROUTE),
            _cause(line, route).label("cause"), opened.c.id.label("journal_id"), day.label("occurred_on"),
            func.greatest(_period(day, cut_off=route.c.cut_off), route.c.opens_on).label("period_on"),
            (route.c.sign * _step(line, route, shared=shared)).label("delta"),
        )
        .select_from(joined)
        .where(func.num_nonnulls(line.c.number, opened.c.id, route.c.party_id) == 3)  # noqa: PLR2004 the three sides
        .offset(0)  # a fence: what is counted below is counted once a row, and what is sorted is narrow
    ).subquery("part")  # fmt: skip
    credited = part.c.delta > 0
    columns: dict[str, Any] = {
        "tenant_id": literal(tenant_id, PG_UUID),
        "id": _numbered_id(new_id(), part.c.number * PARTIES + part.c.place),
        "debit_account_id": case((credited, part.c.against_id), else_=part.c.account_id),
        "credit_account_id": case((credited, part.c.account_id), else_=part.c.against_id),
        "amount_fen": func.abs(part.c.delta),
        "statement_version": literal(1),
    }
    same = ("cause", "journal_id", "party_id", "contract_id", "occurred_on", "period_on")
    columns |= {name: part.c[name] for name in (*same, *_OF_LINE) if name != "number"}
    return list(columns), select(*columns.values()).where(part.c.delta != 0).order_by(part.c.number)


def _step(line: CTE, route: Any, *, shared: bool) -> Any:
    """A party's step: its rate's portion after less before, rounded down each; the residual party has what the others leave."""
    taken = _taken_of(line, route) if shared else _kept_of(line)

    def given(rates: Any, *, of_paid: bool) -> Any:
        """What several rates give together."""
        other = func.unnest(cast(func.string_to_array(rates, ","), ARRAY(BigInteger)))
        bps = other.table_valued("bps").render_derived(name="other").c.bps
        return select(func.coalesce(func.sum(taken.step(bps, of_paid=of_paid)), 0)).scalar_subquery()

    others = given(route.c.other_rates, of_paid=False) + case(
        (route.c.other_rates_of_paid != "", given(route.c.other_rates_of_paid, of_paid=True)), else_=0
    )
    return case(
        (route.c.rate_bps.is_(None), cast(taken.after - taken.before - others, BigInteger)),
        (route.c.of_paid, taken.step(route.c.rate_bps, of_paid=True)),
        else_=taken.step(route.c.rate_bps, of_paid=False),
    )


class _Taken(NamedTuple):
    """What parts are taken of, before and after a step: of `before` and `after` in all, by rates of them or of the bases."""

    before: Any
    after: Any
    base_before: Any
    base_after: Any

    def step(self, bps: Any, *, of_paid: bool) -> Any:
        """How much more a rate gives after than before."""
        before, after = (self.before, self.after) if of_paid else (self.base_before, self.base_after)
        return portion_sql(after, bps) - portion_sql(before, bps)


def _kept_of(line: CTE) -> _Taken:
    return _Taken(line.c.before, line.c.after, line.c.base_before, line.c.base_after)


def _taken_of(line: CTE, route: Any) -> _Taken:
    """What is kept, or the part of the discount that goes with it: with the fen kept, and where nothing was paid with the units."""
    given_away, of_kept = line.c.paid == 0, not_(route.c.of_discount)
    units_before = func.greatest(line.c.units_before - line.c.units_ahead, 0)
    units_after = func.greatest(units_before + line.c.units_more, 0)
    sold = func.nullif(case((given_away, line.c.units_sold), else_=line.c.paid), 0)

    def borne(kept: Any, units: Any) -> Any:
        counted = case((given_away, units), else_=kept)
        return cast(func.div(cast(line.c.discount, Numeric) * counted, sold), BigInteger)

    before, after = borne(line.c.before, units_before), borne(line.c.after, units_after)
    borne_of = (before, after, before, after)
    pairs = zip(_kept_of(line), borne_of, strict=True)
    return _Taken(*(case((of_kept, kept), else_=fen) for kept, fen in pairs))


def _cause(line: CTE, route: Any) -> Any:
    sold = line.c.cause == Cause.ORDER_PAID
    return case(
        (route.c.role == Role.PORTION, line.c.cause),
        (route.c.role == Role.COLLECTED, case((sold, Cause.COLLECTED.value), else_=Cause.COLLECTION_RETURNED.value)),
        else_=case((sold, Cause.FUNDED.value), else_=Cause.FUNDING_REVERSED.value),
    )  # fmt: skip


def _period(day: Any, *, cut_off: Any) -> Any:
    """The period of a day (`calendar.period_of`): days after the cut-off are the next month's."""
    later = case((extract("day", day) > func.coalesce(cut_off, LAST_DAY), 1), else_=0)
    return cast(func.date_trunc("month", cast(day, Date)) + func.make_interval(0, later), Date)


def _numbered_id(first: UUID, number: Any) -> Any:
    """An id of ours (time and chance), the end of it counted: so a chunk's rows lie side by side in every index that leads with ids."""
    return cast(
        func.concat(first.hex[:24], func.lpad(func.to_hex(cast(number, BigInteger)), 8, "0")), PG_UUID
    )
