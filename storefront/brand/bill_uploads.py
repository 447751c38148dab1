"""A downloaded bill of the channel, sent by a person: laid on the disk as it comes, read line by line, and taken in whole or refused whole."""

import tempfile
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, post
from litestar.params import FromQuery, QueryParameter

from settlement.reconciliation import errors as reconciliation
from settlement.reconciliation.accounts import account_of
from settlement.reconciliation.fetch import reconcile_file
from settlement.reconciliation.views import BillsTaken, BillTaken
from storefront import errors
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.brand.reconciliation import BASE
from storefront.frame import refusals
from storefront.imports.channel_bills import channel_bills
from tenants.kernel.scope import TenantScope

LARGEST_UPLOAD = 128 * 1024 * 1024
"""Bytes as they are sent, on this operation alone: a packed month of a large chain. Unpacked a bill may have 512 MiB, some million rows."""
DryRun = Annotated[bool, QueryParameter(name="dryRun", description="Read, compare and show; keep nothing.")]


@post(
    f"{BASE}/bills", operation_id="uploadBill", tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200,
    request_max_body_size=LARGEST_UPLOAD,
    responses=refusals(
        reconciliation.BillFileUnreadable, reconciliation.BillFileUnknown, reconciliation.BillAltered, reconciliation.BillOfAnotherDay,
        reconciliation.BillOfAnotherMerchant, reconciliation.BillInAnotherCurrency, errors.BodyTooLarge,
    ),
)  # fmt: skip
async def upload_bill(
    request: Request[Any, Any, Any], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now,
    merchant: FromQuery[str | None] = None, day: FromQuery[date | None] = None, dry_run: DryRun = False,  # noqa: FBT002 an option of the query
) -> BillsTaken:  # fmt: skip
    """Take in a trade, fund or split bill as downloaded (.csv or .csv.gz), of a day or of several.

    The body is the file itself, at most 128 MiB as sent and 512 MiB unpacked. `merchant` says whose it is where the file does not, `day` refuses a
    file of another day. Nothing is kept of a file with anything wrong in it; the same file again changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="storefront-upload-") as folder:
        path = Path(folder) / "bill"
        with path.open("wb") as file:
            async for part in request.stream():
                file.write(part)
        days = (day, day) if day else None
        return await _take(
            tenant, path, merchant_no=merchant, days=days, by=principal.actor(), now=now, dry_run=dry_run
        )


async def _take(
    tenant: TenantScope, path: Path, *, merchant_no: str | None, days: tuple[date, date] | None, by: str, now: datetime,
    dry_run: bool,
) -> BillsTaken:  # fmt: skip
    taken, shown, proofs = [], [], []
    with ExitStack() as opened:
        for bill in await channel_bills(
            tenant, path, merchant_no=merchant_no, days=days, origin="upload", opened=opened
        ):
            async with tenant.reading() as db:
                account = await account_of(db, bill.kind, name=bill.account)
            kept, one, proof = await reconcile_file(
                tenant, bill, account=account, now=now, by=by, dry_run=dry_run
            )
            taken.append(
                BillTaken(
                    kind=bill.kind, account=bill.account, day=bill.day, version=kept.version, rows=kept.row_count,
                    is_new=kept.is_new, replaces=kept.replaces,
                )
            )  # fmt: skip
            shown.append(one)
            proofs += [proof] if proof else []
    return BillsTaken(rows_read=sum(each.rows for each in taken), bills=taken, days=shown, proofs=proofs)


ROUTES = [upload_bill]
