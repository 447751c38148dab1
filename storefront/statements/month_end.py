"""The end of a month for one brand, from the first booking to the last file, and what must agree at the end.

A flow without an order to keep in mind: run it again after a crash, or twice at once, and it ends in the same statements and the same bytes.
"""

from datetime import date, datetime
from pathlib import Path

import msgspec

from catalog.verify import LAWS as STOCK_LAWS
from catalog.verify import verify_stock
from orders.verify import LAWS as ORDER_LAWS
from orders.verify import verify_orders
from settlement.close import close_month, to_be_shut
from settlement.posting.pending import Caught, Say, count_pending
from settlement.statements import PartyMonth, party_months, party_months_so_far
from settlement.verify import verify_books
from settlement.views import BooksReport, ClosingView, StatementView
from storefront.statements.files import Written, write_files
from tenants.kernel.scope import TenantScope
from tenants.laws import BrokenLaw

LAWS_BELOW = (*STOCK_LAWS, *ORDER_LAWS)
"""What must hold of stock and orders, in words."""


class MonthEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A month that is over, with its files."""

    closings: list[ClosingView]
    files: list[Written]
    books: BooksReport

    @property
    def agrees(self) -> bool:
        """Whether orders, ledger, statements and files say the same, and every law of the books holds."""
        return (
            all(closing.totals.agree for closing in self.closings)
            and all(written.agrees for written in self.files)
            and self.books.sound
        )


async def end_month(
    tenant: TenantScope,
    month: date,
    *,
    out: Path,
    closed_by: str,
    now: datetime,
    through: bool = False,
    early: bool = False,
    say: Say,
) -> MonthEnd:
    """Book what waits, close the month, write every party's files, recount the books."""
    closings = await close_month(
        tenant, month, closed_by=closed_by, now=now, through=through, early=early, say=say
    )
    files = [
        written
        for closing in closings
        for written in await write_month(tenant, closing.statements, out=out, say=say)
    ]
    return MonthEnd(closings=closings, files=files, books=await recount(tenant, say=say))


async def write_month(
    tenant: TenantScope, statements: list[StatementView], *, out: Path, say: Say
) -> list[Written]:
    """Write the files of a closed month's statements."""
    total = sum(statement.lines for statement in statements)
    done = 0

    def seen(lines: int) -> None:
        nonlocal done
        done += lines
        say("writing files", done=done, total=total)

    return [await write_files(tenant, statement, out=out, seen=seen) for statement in statements]


async def recount(tenant: TenantScope, *, say: Say) -> BooksReport:
    """Recount the books from scratch."""
    say("recounting the books", done=0, total=None)
    async with tenant.reporting() as db:
        report = await verify_books(db)
    say("recounting the books", done=1, total=1)
    return report


async def broken_laws_below(tenant: TenantScope, *, now: datetime, say: Say) -> list[BrokenLaw]:
    """The laws of stock and of orders that do not hold; the books stand on both."""
    say("recounting stock and orders", done=0, total=None)
    async with tenant.reporting() as db:
        broken = [*await verify_stock(db), *await verify_orders(db, now=now)]
    say("recounting stock and orders", done=1, total=1)
    return broken


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a closing would find now."""

    months: list[tuple[date, list[PartyMonth]]]
    """Every month that it would shut, by what is booked so far; the one asked for where that is shut already."""
    waiting: Caught


async def preview(
    tenant: TenantScope, month: date, *, now: datetime, through: bool = False, early: bool = False
) -> Preview:
    """What the ledger says of the months that would be closed, before what waits is booked; refuses what closing refuses, writes nothing."""
    async with tenant.reporting() as db:
        months = await to_be_shut(db, month, now=now, through=through, early=early)
        counted = [(each, await party_months_so_far(db, each)) for each in months]
        if not months:
            counted = [(month, await party_months(db, month))]
    return Preview(months=counted, waiting=await count_pending(tenant))
