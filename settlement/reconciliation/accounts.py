"""Whose files are compared with which of our books: a merchant number at the channel, or the name of a cashier or till."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Date, cast, func, text

from settlement.reconciliation.bills import BEIJING
from settlement.reconciliation.states import OF_CHANNEL, BillKind
from tenants.errors import MerchantNotFound
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading, Writing
from tenants.queries import merchants


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One series of files: a kind, and whose. `fee_bps` is the rate agreed with the channel."""

    kind: BillKind
    name: str
    merchant_id: MerchantId | None = None
    fee_bps: Bps = Bps(0)


async def merchant_account(db: Reading, kind: BillKind, *, merchant_no: str) -> Account:
    """The account of one of the tenant's merchant numbers; raises MerchantNotFound."""
    found = next((each for each in await merchants(db) if each.merchant_no == merchant_no), None)
    if found is None:
        raise MerchantNotFound(details={"merchant": f"this brand has no merchant number {merchant_no}"})
    return Account(kind=kind, name=merchant_no, merchant_id=MerchantId(found.id), fee_bps=found.fee_bps)


async def account_of(db: Reading, kind: BillKind, *, name: str) -> Account:
    """The account that a day or a difference names."""
    if kind in OF_CHANNEL:
        return await merchant_account(db, kind, merchant_no=name)
    return Account(kind=kind, name=name)


async def hold(db: Writing, account: Account, *, day: date) -> None:
    """Let two who take in or compare the same day do it one after the other."""
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.bill:' || :what, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    what = f"{db.tenant_id}:{account.kind}:{account.name}:{day}"
    await db.execute(lock, {"tenant_id": db.tenant_id, "what": what})


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a Beijing day, and of the next."""
    starts = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    return starts, starts + timedelta(days=1)


def beijing_day(at: Any) -> Any:
    """The Beijing day of a moment, in a statement."""
    return cast(func.timezone("Asia/Shanghai", at), Date)


def within(at: Any, *, first: date, last: date) -> tuple[Any, Any]:
    """That a moment falls into these Beijing days."""
    return at >= bounds(first)[0], at < bounds(last)[1]


def mine(model: Any, *, db: Reading, account: Account) -> Any:
    """The rows of this account in a table that names kind and account."""
    return (
        (model.tenant_id == db.tenant_id)
        & (model.kind == account.kind.value)
        & (model.account == account.name)
    )
