"""对账 for finance: compared days, differences with their owners and reasons, and the proof that the ledger is the bill."""

from datetime import date
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from settlement.reconciliation import queries
from settlement.reconciliation.accounts import Account
from settlement.reconciliation.commands import AssignDifference, ResolveDifference
from settlement.reconciliation.differences import assign_difference, resolve_difference
from settlement.reconciliation.errors import DifferenceEnded, DifferenceNotFound
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.proof import prove_day
from settlement.reconciliation.queries import Wanted
from settlement.reconciliation.states import BillKind, DifferenceState
from settlement.reconciliation.views import DayList, DifferenceList, DifferenceView, ProofList
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.kernel.ids import DifferenceId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.queries import merchants

BASE = "/brand/v1/settlement/reconciliation"


@get(
    f"{BASE}/days", operation_id="listReconciledDays", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(CursorUnreadable, PageTooLarge),
)  # fmt: skip
async def list_days(
    tenant: CurrentTenant, bill: FromQuery[BillKind | None] = None, account: FromQuery[str | None] = None,
    first: FromQuery[date | None] = None, last: FromQuery[date | None] = None,
    cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None,
) -> DayList:  # fmt: skip
    """Compared days, the newest first: what both sides count, and how many differences of which class."""
    wanted = Wanted(bill=bill, account=account, first=first, last=last)
    async with tenant.reading() as db:
        return await queries.reconciled_days(db, wanted, cursor=cursor, limit=limit)


@get(
    f"{BASE}/differences", operation_id="listDifferences", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(CursorUnreadable, PageTooLarge),
)  # fmt: skip
async def list_differences(
    tenant: CurrentTenant, now: Now, bill: FromQuery[BillKind | None] = None, account: FromQuery[str | None] = None,
    kind: FromQuery[MatchClass | None] = None, status: FromQuery[DifferenceState | None] = None,
    owner: FromQuery[str | None] = None, first: FromQuery[date | None] = None, last: FromQuery[date | None] = None,
    cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None,
) -> DifferenceList:  # fmt: skip
    """Differences, the oldest first; `status=open` are those that somebody must look at."""
    wanted = Wanted(bill=bill, account=account, kind=kind, state=status, owner=owner, first=first, last=last)
    async with tenant.reading() as db:
        return await queries.differences(db, wanted, now=now, cursor=cursor, limit=limit)


@get(
    f"{BASE}/differences/{{difference_id:uuid}}",
    operation_id="getDifference",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(DifferenceNotFound),
)
async def get_difference(difference_id: FromPath[UUID], tenant: CurrentTenant, now: Now) -> DifferenceView:
    """One difference: both sides as they were compared."""
    async with tenant.reading() as db:
        return await queries.find_difference(db, DifferenceId(difference_id), now=now)


@post(
    f"{BASE}/differences/{{difference_id:uuid}}/owner",
    operation_id="assignDifference",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(DifferenceNotFound, DifferenceEnded),
)
async def assign(
    difference_id: FromPath[UUID], data: JSONBody[AssignDifference], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> DifferenceView:  # fmt: skip
    """Say who looks into an open difference."""
    chosen = DifferenceId(difference_id)
    async with tenant.writing() as db:
        return await assign_difference(db, data, difference_id=chosen, now=now, actor=principal.actor())


@post(
    f"{BASE}/differences/{{difference_id:uuid}}/resolution",
    operation_id="resolveDifference",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(DifferenceNotFound, DifferenceEnded),
)
async def resolve(
    difference_id: FromPath[UUID], data: JSONBody[ResolveDifference], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> DifferenceView:  # fmt: skip
    """Settle an open difference and say why; it opens again only if its facts change."""
    chosen = DifferenceId(difference_id)
    async with tenant.writing() as db:
        return await resolve_difference(db, data, difference_id=chosen, now=now, actor=principal.actor())


@get(f"{BASE}/proofs", operation_id="proveDay", tags=["settlement"], guards=[MONEY_PEOPLE])
async def prove(tenant: CurrentTenant, day: FromQuery[date]) -> ProofList:
    """账单 = 账本: what the bill of each merchant tells of a day and what the ledger booked for it, to the fen."""
    async with tenant.reporting() as db:
        accounts = [
            Account(kind=BillKind.TRADE, name=each.merchant_no, merchant_id=each.id, fee_bps=each.fee_bps)
            for each in await merchants(db)
        ]
        proofs = [await prove_day(db, account, day=day) for account in accounts]
    return ProofList(proofs=[each for each in proofs if each is not None])


ROUTES = [list_days, list_differences, get_difference, assign, resolve, prove]
