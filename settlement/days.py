"""The ledger's days: when one is over, all that was posted on it is hashed and chained to the day before, so that any later change shows.

GRANTs keep the application from changing an entry; the chain shows what an owner or a superuser changed behind its back. A day is a
day of UTC, by the moment a journal says it was posted. Posting and sealing exclude each other: whoever posts holds the tenant's books
shared until its commit, the sealing holds them alone, and a moment on a sealed day is moved to the first day that is open. So nothing is
ever posted into a sealed day, however slow a clock or long a transaction is.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Date,
    Integer,
    Select,
    Text,
    and_,
    cast,
    extract,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from settlement.models import Journal, LedgerDay, LedgerEntry
from settlement.patience import patiently
from tenants.kernel.scope import Reading, TenantScope, Writing

GRACE = timedelta(hours=2)
"""How long after its end a day is sealed: postings that began on it and clocks that are behind fall into it still."""
ONE_DAY = timedelta(days=1)
NOTHING = ""
"""What the first day is chained to."""
BUCKET = 2
"""Hexadecimal digits of an entry's hash by which entries are gathered: the text of a day of millions would not fit in one value."""


class _Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a day."""

    entries: int = 0
    content: str = NOTHING


class SealedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day as it was sealed."""

    day: date
    entries: int
    chain_sha256: str


async def posting_moment(db: Writing, now: datetime) -> datetime:
    """Hold the tenant's days open until the commit; `now`, or the beginning of the first open day when `now` lies on a sealed one."""
    await _hold(db, shared=True)
    newest = select(func.max(LedgerDay.day)).where(LedgerDay.tenant_id == db.tenant_id)
    sealed: date | None = (await db.execute(newest)).scalar_one()
    return now if sealed is None else max(now, _midnight(sealed + ONE_DAY))


async def seal_days(tenant: TenantScope, *, now: datetime) -> list[SealedDay]:
    """Seal every day that is over and was posted on, in order; returns those sealed now. Each day is a transaction of its own."""
    sealed = []
    async with tenant.reporting() as db:
        days = await unsealed_days(db, now=now)
    for day in days:
        async with tenant.reporting() as db:
            counted = await _counted(db, day)
        done = await patiently(tenant, partial(_seal, day=day, counted=counted, now=now))
        if done is not None:
            sealed.append(done)
    return sealed


async def unsealed_days(db: Reading, *, now: datetime) -> list[date]:
    """The days that are over, were posted on, and come after the last sealed one."""
    newest = (
        select(func.max(LedgerDay.day)).where(LedgerDay.tenant_id == db.tenant_id).scalar_subquery()
    )  # fmt: skip
    over = _midnight((now - GRACE).astimezone(UTC).date())
    statement = (
        select(_day_of(Journal.posted_at).label("day"))
        .where(
            Journal.tenant_id == db.tenant_id, Journal.posted_at < over,
            or_(newest.is_(None), _day_of(Journal.posted_at) > newest),
        )
        .distinct()
    )  # fmt: skip
    return sorted((await db.execute(statement)).scalars())


async def day_begins(db: Reading, *, now: datetime) -> bool:
    """Whether nobody but this transaction has posted anything today yet."""
    today = _midnight(now.astimezone(UTC).date())
    earlier = select(literal(1)).where(
        Journal.tenant_id == db.tenant_id, Journal.posted_at >= today, Journal.posted_at < now
    )
    return (await db.execute(earlier.limit(1))).scalar_one_or_none() is None


def sealed_at(now: datetime) -> datetime:
    """When the day of this moment may be sealed."""
    return _midnight(now.astimezone(UTC).date() + ONE_DAY) + GRACE


async def _seal(db: Writing, *, day: date, counted: _Counted, now: datetime) -> SealedDay | None:
    """Seal a day whose entries were hashed before anybody was kept waiting, and again should any have come since."""
    await _hold(db, shared=False)
    last = (
        await db.execute(
            select(LedgerDay.day, LedgerDay.chain_sha256)
            .where(LedgerDay.tenant_id == db.tenant_id)
            .order_by(LedgerDay.day.desc())
            .limit(1)
        )
    ).one_or_none()
    if last is not None and last.day >= day:
        return None
    row = counted if await _entries_of(db, day) == counted.entries else await _counted(db, day)
    before = NOTHING if last is None else last.chain_sha256
    chain = (await db.execute(select(_chained(literal(before), day, row.entries, row.content)))).scalar_one()
    await db.execute(
        insert(LedgerDay).values(
            tenant_id=db.tenant_id, day=day, entries=row.entries, content_sha256=row.content, chain_sha256=chain,
            sealed_at=now,
        )
    )  # fmt: skip
    return SealedDay(day=day, entries=row.entries, chain_sha256=chain)


async def _counted(db: Reading, day: date) -> _Counted:
    content = content_of_days(db, first=day, after=day + ONE_DAY).subquery("counted")
    row = (await db.execute(select(content))).one_or_none()
    return _Counted() if row is None else _Counted(entries=row.entries, content=row.content)


async def _entries_of(db: Reading, day: date) -> int:
    counted = (
        select(func.count())
        .select_from(LedgerEntry)
        .join(Journal, and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id))
        .where(LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id)
        .where(Journal.posted_at >= _midnight(day), Journal.posted_at < _midnight(day + ONE_DAY))
    )
    return int((await db.execute(counted)).scalar_one())


def content_of_days(
    db: Reading, *, first: date | None = None, after: date | None = None, sealed: bool = False
) -> Select[*tuple[Any, ...]]:
    """Per posted day: how many entries, and a hash over all of them with what their journals say, in an order of its own.

    In two steps, entries to buckets and buckets to the day. Journals without entries (orders of nothing) are not counted. `sealed` leaves
    out what came after the last sealed day.
    """
    entry = (
        LedgerEntry.id, LedgerEntry.journal_id, LedgerEntry.cause, LedgerEntry.debit_account_id, LedgerEntry.credit_account_id,
        LedgerEntry.amount_fen, LedgerEntry.party_id, LedgerEntry.contract_id, LedgerEntry.store_id, LedgerEntry.terms_id,
        LedgerEntry.order_id, LedgerEntry.order_line_id, LedgerEntry.refund_id, LedgerEntry.refund_line_no,
        LedgerEntry.statement_version,
    )  # fmt: skip
    told = [func.coalesce(cast(column, Text), "-") for column in entry]
    days = [
        cast(column - literal_column("DATE '2000-01-01'"), Text)
        for column in (LedgerEntry.occurred_on, LedgerEntry.period_on)
    ]
    journal = [
        Journal.cause,
        cast(Journal.cause_id, Text),
        _micros(Journal.occurred_at),
        _micros(Journal.posted_at),
    ]
    line = func.concat_ws("|", *told, *days, *journal)
    joined = and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id)
    lines = (
        select(_day_of(Journal.posted_at).label("day"), _sha256(line).label("hash"))
        .select_from(LedgerEntry)
        .join(Journal, joined)
        .where(LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id)
    )
    if first is not None:
        lines = lines.where(Journal.posted_at >= _midnight(first))
    if after is not None:
        lines = lines.where(Journal.posted_at < _midnight(after))
    if sealed:
        newest = select(func.max(LedgerDay.day) + 1).where(LedgerDay.tenant_id == db.tenant_id)
        ended = func.timezone("UTC", cast(newest.scalar_subquery(), TIMESTAMP))
        lines = lines.where(Journal.posted_at < ended)
    hashed = lines.subquery("hashed")
    bucket = func.left(hashed.c.hash, BUCKET)
    gathered = (
        select(hashed.c.day, bucket.label("bucket"), func.count().label("entries"), _joined(hashed.c.hash, hashed.c.hash).label("content"))
        .group_by(hashed.c.day, bucket)
        .subquery("gathered")
    )  # fmt: skip
    return select(
        gathered.c.day,
        cast(func.sum(gathered.c.entries), BigInteger).label("entries"),
        _joined(gathered.c.content, gathered.c.bucket).label("content"),
    ).group_by(gathered.c.day)


def broken_days(db: Reading) -> Select[*tuple[Any, ...]]:
    """Sealed days that are not what they were: other entries, another chain, or entries on a day that was over unsealed."""
    counted = content_of_days(db, sealed=True).subquery("counted")
    before = func.lag(LedgerDay.chain_sha256, 1, NOTHING).over(order_by=LedgerDay.day)
    sealed = (
        select(LedgerDay.day, LedgerDay.entries, LedgerDay.content_sha256, LedgerDay.chain_sha256, before.label("before"))
        .where(LedgerDay.tenant_id == db.tenant_id)
        .subquery("sealed")
    )  # fmt: skip
    same = and_(
        sealed.c.entries == func.coalesce(counted.c.entries, 0),
        sealed.c.content_sha256 == func.coalesce(counted.c.content, NOTHING),
        sealed.c.chain_sha256
        == _chained(sealed.c.before, sealed.c.day, sealed.c.entries, sealed.c.content_sha256),
    )
    day = func.coalesce(sealed.c.day, counted.c.day)
    what = func.concat_ws(
        " ", "day", cast(day, Text), "was sealed with", func.coalesce(sealed.c.entries, 0), "entries and has",
        func.coalesce(counted.c.entries, 0), "that are not the same",
    )  # fmt: skip
    return (
        select(what.label("what"))
        .select_from(sealed.join(counted, counted.c.day == sealed.c.day, full=True))
        .where(
            same.is_not(true()),
        )
    )


def _chained(before: Any, day: Any, entries: Any, content: Any) -> Any:
    number = cast(day, Date) - literal_column("DATE '2000-01-01'")
    return _sha256(func.concat_ws("|", before, cast(number, Integer), cast(entries, BigInteger), content))


def _joined(hashes: Any, order: Any) -> Any:
    return _sha256(func.string_agg(hashes, aggregate_order_by(literal_column("'|'"), order)))


def _sha256(words: Any) -> Any:
    return func.encode(func.sha256(func.convert_to(words, "UTF8")), "hex")


def _micros(moment: Any) -> Any:
    """A moment as whole microseconds: text of a timestamp would depend on the session's settings."""
    return cast(extract("epoch", moment) * 1_000_000, BigInteger)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _day_of(moment: Any) -> Any:
    return cast(func.timezone("UTC", moment), Date)


async def _hold(db: Writing, *, shared: bool) -> None:
    """Hold the tenant's days until the transaction ends: shared with others that post, or alone to seal."""
    kind = "_shared" if shared else ""
    lock = text(
        f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('settlement.days:' || tenant_id::text, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id})
