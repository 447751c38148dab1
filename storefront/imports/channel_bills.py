"""A bill of the channel that a person has, of a day or of several, as bills ready to be kept: whatever is wrong with any of them is refused first."""

import asyncio
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from settlement.reconciliation.billed import TakenBill, of_bill, payee_of
from settlement.reconciliation.errors import (
    BillFileUnknown,
    BillFileUnreadable,
    BillOfAnotherDay,
    BillOfAnotherMerchant,
)
from settlement.reconciliation.states import BillKind
from storefront.adapters.errors import BillColumnUnknown, BillUnreadable
from storefront.adapters.wechat_pay.bill_files import open_bill_file
from storefront.adapters.wechat_pay.bill_spool import DayBill
from tenants.kernel.scope import TenantScope
from tenants.queries import merchants


def _read(path: Path, opened: ExitStack) -> tuple[BillKind, list[DayBill]]:
    """What is wrong with a person's file is that person's to mend; the same from the channel itself would be a fault."""
    try:
        return opened.enter_context(open_bill_file(path))
    except BillColumnUnknown as error:
        told = {
            name: ", ".join(map(str, value))
            for name, value in error.fields.items()
            if isinstance(value, list) and value
        }
        raise BillFileUnknown(details=told) from error
    except BillUnreadable as error:
        raise BillFileUnreadable(
            details={name: str(value) for name, value in error.fields.items()}
        ) from error


async def channel_bills(
    tenant: TenantScope, path: Path, *, merchant_no: str | None, days: tuple[date, date] | None, origin: str, opened: ExitStack
) -> list[TakenBill]:  # fmt: skip
    """The file's days; their rows can be read while `opened` is. Raises BillFileUnreadable, BillFileUnknown, BillAltered and the others of its kind."""
    async with tenant.reading() as db:
        own = [each.merchant_no for each in await merchants(db)]
    kind, found = await asyncio.to_thread(_read, path, opened)
    payee = merchant_no or payee_of(found[0].bill.rows) or (own[0] if len(own) == 1 else None)
    if payee is None:
        raise BillOfAnotherMerchant(
            details={"merchant": f"a {kind} bill names none: say which of {', '.join(own)} it is of"}
        )
    if payee not in own:
        raise BillOfAnotherMerchant(details={"merchant": f"this brand has no merchant number {payee}"})
    if days is not None and not all(days[0] <= each.day <= days[1] for each in found):
        told = f"the file is of {found[0].day} to {found[-1].day}, expected {days[0]} to {days[1]}"
        raise BillOfAnotherDay(details={"day": told})

    def ready() -> list[TakenBill]:
        return [
            of_bill(each.bill, kind=kind, merchant_no=payee, day=each.day, origin=origin) for each in found
        ]

    # Reading every row of a large file takes seconds: others are served meanwhile.
    return await asyncio.to_thread(ready)
