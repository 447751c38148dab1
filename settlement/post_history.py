"""Books imported history, tens of thousands of lines in one statement: journals, entries and the sums of what they move.

It trades the line-by-line reading of `post` for speed and books the same fen (a test compares them; `scripts/bench_settlement.py`
measures). A journal is one line's, because an import may add lines to a document that was booked already. Repeating it, or running it
twice at once, books nothing twice. A line larger than LARGEST_AMOUNT is left out, and `verify` names it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Date,
    Integer,
    Select,
    String,
    bindparam,
    case,
    cast,
    column,
    extract,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.days import posting_moment
from settlement.history_steps import Cursor, Kind, next_chunk, steps_of, waiting_kinds, waiting_steps
from settlement.ledger import Account, channel_account, move_balances, open_accounts, payable_account
from settlement.models import Journal, LedgerEntry
from settlement.periods import first_open, note_booked
from settlement.post_terms import BookedTerms, booked_terms
from settlement.split_sql import portion_sql
from tenants.kernel.ids import AccountId, OrderId, PartyId, RefundId, TenantId, new_id
from tenants.kernel.money import LARGEST_AMOUNT, Bps
from tenants.kernel.scope import Writing

AT_ONCE = 20_000
"""Lines a transaction books. Balances are held for its last statement alone, so nobody waits for the rest; larger ones gain little."""
LAST_DAY = 31
"""The cut-off of a contract that has none."""
PARTIES = 64
"""More parties than one line ever has: numbers entries within a chunk."""


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of the walk did; `cursor` is where the next one goes on, None at the end."""

    seen: int
    lines: int
    entries: int
    cursor: Cursor | None


class _Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a party's part of a kind of line goes."""

    kind: Kind
    place: int
    party_id: PartyId
    rate_bps: Bps | None
    """None for the residual party, whose part is what the other rates leave."""
    other_rates: str
    terms: BookedTerms
    channel: Account
    payable: Account
    opens_on: date


async def post_history(
    db: Writing,
    *,
    source_name: str | None,
    cursor: Cursor,
    now: datetime,
    at_once: int = AT_ONCE,
    until: OrderId | RefundId | None = None,
) -> Booked:
    """Book the next `at_once` imported lines that wait (of one source, or of all; of documents before `until`)."""
    waiting = waiting_steps(db, refunds=cursor.sales_done, source_name=source_name, largest=LARGEST_AMOUNT)
    chunk = await next_chunk(db, waiting, cursor=cursor, until=until, at_once=at_once)
    if chunk is None:
        return Booked(seen=0, lines=0, entries=0, cursor=_end_of(cursor))
    routes = await _routes(db, chunk.kinds)
    steps = steps_of(waiting, cursor=cursor, last=chunk.last)
    lines, entries = await _book(db, steps, routes=routes, now=await posting_moment(db, now))
    document, line_no = chunk.last
    if chunk.seen < at_once:
        after = _end_of(cursor)
    elif cursor.sales_done:
        after = Cursor(sales_done=True, refund_id=RefundId(document), line_no=line_no)
    else:
        after = Cursor(order_id=OrderId(document), line_no=line_no)
    return Booked(seen=chunk.seen, lines=lines, entries=entries, cursor=after)


async def open_waiting_accounts(db: Writing, *, refunds: bool) -> None:
    """Open every account that the waiting lines will move: lanes that open the same one would wait for each other's whole chunk."""
    kinds = await waiting_kinds(db, refunds=refunds)
    book = await booked_terms(db, {kind.terms_id for kind in kinds})
    await open_accounts(
        db,
        {
            account
            for kind in kinds
            for party_id, _ in _parties(book[kind.terms_id])
            for account in (
                channel_account(kind.store_id, kind.source),
                payable_account(
                    party_id, store_id=kind.store_id, contract_id=book[kind.terms_id].contract_id
                ),
            )
        },
    )


def _end_of(cursor: Cursor) -> Cursor | None:
    return None if cursor.sales_done else Cursor(sales_done=True)


async def _routes(db: Writing, kinds: Sequence[Kind]) -> list[_Route]:
    """Every kind of line, for every party of its terms; opens the accounts and keeps the contracts' months open."""
    book = await booked_terms(db, {kind.terms_id for kind in kinds})
    opens = await first_open(db, {terms.contract_code for terms in book.values()})
    routes = [
        _Route(
            kind=kind, place=place, party_id=party_id, rate_bps=rate_bps, terms=terms,
            other_rates=",".join(str(portion.rate_bps) for portion in terms.portions),
            channel=channel_account(kind.store_id, kind.source),
            payable=payable_account(party_id, store_id=kind.store_id, contract_id=terms.contract_id),
            opens_on=opens.get(terms.contract_code, date.min),
        )
        for kind in kinds
        for terms in [book[kind.terms_id]]
        for place, (party_id, rate_bps) in enumerate(_parties(terms))
    ]  # fmt: skip
    await open_accounts(db, {account for route in routes for account in (route.channel, route.payable)})
    return routes


def _parties(terms: BookedTerms) -> list[tuple[PartyId, Bps | None]]:
    portions: list[tuple[PartyId, Bps | None]] = [(each.party_id, each.rate_bps) for each in terms.portions]
    return [*portions, (terms.residual_party_id, None)]


async def _book(
    db: Writing, steps: Select[*tuple[Any, ...]], *, routes: Sequence[_Route], now: datetime
) -> tuple[int, int]:
    """Open the lines' journals, append their entries, move the balances; returns the lines and entries booked."""
    line = steps.cte("line")
    opened = _opened(db.tenant_id, line, now=now)
    names, rows = _entries(db.tenant_id, line, opened=opened)
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
    found = (
        await db.execute(summed.group_by(sides.c.id, sides.c.period_on), _arrays(db.tenant_id, routes))
    ).all()
    codes = {route.terms.contract_id: route.terms.contract_code for route in routes}
    booked = {(codes[row.id], row.period_on): int(row.fen) for row in found if row.period_on is not None}
    await note_booked(db, booked)
    deltas = {
        AccountId(row.id): int(row.fen) for row in found if row.period_on is None and row.id is not None
    }
    await move_balances(db, deltas)
    lines = next(int(row.fen) for row in found if row.id is None)
    return lines, sum(booked.values())


def _opened(tenant_id: TenantId, line: CTE, *, now: datetime) -> CTE:
    """The journals that did not exist yet; whoever opens one books its line."""
    wanted = select(
        literal(tenant_id, PG_UUID), _numbered_id(new_id(), line.c.number), line.c.cause, line.c.cause_id,
        line.c.occurred_at, literal(now, Journal.posted_at.type),
    ).order_by(line.c.number)  # fmt: skip
    names = ["tenant_id", "id", "cause", "cause_id", "occurred_at", "posted_at"]
    statement = upsert(Journal).from_select(names, wanted).on_conflict_do_nothing()
    return statement.returning(Journal.id, Journal.cause_id).cte("opened")


def _entries(tenant_id: TenantId, line: CTE, *, opened: CTE) -> tuple[list[str], Select[*tuple[Any, ...]]]:
    """The rows to append: each party's step with its accounts, swapped when it is negative, left out when it is nothing.

    FULL JOIN, because it can only be hashed or merged. A fresh import has no statistics, the planner then expects a handful of lines
    and routes, and a nested loop over twenty thousand of each takes minutes. What has no partner is dropped by `num_nonnulls`, which the
    planner cannot look into: IS NOT NULL would turn the joins back into inner ones.
    """
    route = _route_table()
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
            line, opened.c.id.label("journal_id"), route.c.place, route.c.party_id, route.c.contract_id, route.c.channel_id, route.c.payable_id,
            route.c.opens_on, day.label("occurred_on"), _period(day, cut_off=route.c.cut_off).label("own_period"),
            _step(line, route).label("delta"),
        )
        .select_from(joined)
        .where(func.num_nonnulls(line.c.number, opened.c.id, route.c.party_id) == 3)  # noqa: PLR2004 the three sides
        .order_by(line.c.number)
    ).subquery("part")  # fmt: skip
    credited = part.c.delta > 0
    columns: dict[str, Any] = {
        "tenant_id": literal(tenant_id, PG_UUID),
        "id": _numbered_id(new_id(), part.c.number * PARTIES + part.c.place),
        "debit_account_id": case((credited, part.c.channel_id), else_=part.c.payable_id),
        "credit_account_id": case((credited, part.c.payable_id), else_=part.c.channel_id),
        "amount_fen": func.abs(part.c.delta),
        "period_on": func.greatest(part.c.own_period, part.c.opens_on),
        "statement_version": literal(1),
    }
    same = (
        "journal_id", "cause", "party_id", "contract_id", "store_id", "terms_id", "order_id", "order_line_id",
        "refund_id", "refund_line_no", "occurred_on",
    )  # fmt: skip
    columns |= {name: part.c[name] for name in same}
    return list(columns), select(*columns.values()).where(part.c.delta != 0)


def _step(line: CTE, route: Any) -> Any:
    """A party's step: its rate's portion after less before, rounded down each; the residual party has what the others leave."""
    other = func.unnest(cast(func.string_to_array(route.c.other_rates, ","), ARRAY(BigInteger)))
    bps = other.table_valued("bps").render_derived(name="other").c.bps
    given = select(func.coalesce(func.sum(_portion_step(line, bps)), 0)).scalar_subquery()
    rest = cast(line.c.after - line.c.before - given, BigInteger)
    return case((route.c.rate_bps.is_not(None), _portion_step(line, route.c.rate_bps)), else_=rest)


def _portion_step(line: CTE, bps: Any) -> Any:
    return portion_sql(line.c.base_after, bps) - portion_sql(line.c.base_before, bps)


def _period(day: Any, *, cut_off: Any) -> Any:
    """The period of a day (`calendar.period_of`): days after the cut-off are the next month's."""
    later = case((extract("day", day) > func.coalesce(cut_off, LAST_DAY), 1), else_=0)
    return cast(func.date_trunc("month", cast(day, Date)) + func.make_interval(0, later), Date)


def _numbered_id(first: UUID, number: Any) -> Any:
    """An id of ours (time and chance), the end of it counted: so a chunk's rows lie side by side in every index that leads with ids."""
    return cast(
        func.concat(first.hex[:24], func.lpad(func.to_hex(cast(number, BigInteger)), 8, "0")), PG_UUID
    )


ROUTE_COLUMNS: dict[str, Any] = {
    "terms_id": PG_UUID, "store_id": PG_UUID, "source": String, "place": Integer, "time_zone": String,
    "party_id": PG_UUID, "contract_id": PG_UUID, "rate_bps": BigInteger, "other_rates": String,
    "channel_id": PG_UUID, "payable_id": PG_UUID, "opens_on": Date, "cut_off": Integer,
}  # fmt: skip


def _route_table() -> Any:
    arrays = [bindparam(f"route_{name}", type_=ARRAY(kind)) for name, kind in ROUTE_COLUMNS.items()]
    columns = (column(name, kind) for name, kind in ROUTE_COLUMNS.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="route")


def _arrays(tenant_id: TenantId, routes: Sequence[_Route]) -> dict[str, Any]:
    arrays: dict[str, list[Any]] = {f"route_{name}": [] for name in ROUTE_COLUMNS}
    for route in routes:
        row = {
            "terms_id": route.kind.terms_id, "store_id": route.kind.store_id, "source": route.kind.source,
            "place": route.place, "time_zone": route.terms.time_zone, "party_id": route.party_id,
            "contract_id": route.terms.contract_id, "rate_bps": route.rate_bps,
            "other_rates": route.other_rates, "channel_id": route.channel.account_id(tenant_id),
            "payable_id": route.payable.account_id(tenant_id), "opens_on": route.opens_on,
            "cut_off": route.terms.cut_off_day,
        }  # fmt: skip
        for name in ROUTE_COLUMNS:
            arrays[f"route_{name}"].append(row[name])
    return arrays
