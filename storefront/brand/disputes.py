"""Disputes of statements, for the brand's finance: opened, the other side's numbers imported, every difference answered, resolved."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from settlement import errors
from settlement.disputes.answer import answer_difference, resolve_dispute
from settlement.disputes.commands import AnswerDifference, OpenDispute, ResolveDispute
from settlement.disputes.numbers import import_numbers
from settlement.disputes.open import open_dispute
from settlement.disputes.queries import disputes, find_dispute
from settlement.disputes.views import DisputeList, DisputeView
from settlement.queries import find_statement
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from storefront.statements.numbers import UploadNumbers, read_upload
from storefront.tokens import Principal
from tenants.kernel.ids import DisputeId, StatementId
from tenants.kernel.scope import TenantScope

CANNOT_IMPORT = (
    errors.DisputeNotFound,
    errors.NumbersUnreadable,
    errors.DisputeStandsOtherwise,
    errors.DifferenceAnswered,
)


@post(
    "/brand/v1/settlement/statements/{statement_id:uuid}/disputes", operation_id="openDispute",
    tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(errors.StatementNotFound, errors.StatementStandsOtherwise),
)  # fmt: skip
async def begin(
    statement_id: FromPath[UUID], data: JSONBody[OpenDispute], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> DisputeView:  # fmt: skip
    """Note that a party does not agree: nothing is paid on the statement meanwhile."""
    about, by = StatementId(statement_id), principal.actor()
    async with tenant.writing() as db:
        return await open_dispute(db, data, statement_id=about, opened_by=by, now=now)


@get(
    "/brand/v1/settlement/statements/{statement_id:uuid}/disputes", operation_id="listDisputes",
    tags=["settlement"], guards=[MONEY_PEOPLE], responses=refusals(errors.StatementNotFound),
)  # fmt: skip
async def list_disputes(statement_id: FromPath[UUID], tenant: CurrentTenant) -> DisputeList:
    """The disputes of a statement with their figures."""
    async with tenant.reading() as db:
        await find_statement(db, StatementId(statement_id))
        return DisputeList(disputes=await disputes(db, StatementId(statement_id)))


@post(
    "/brand/v1/settlement/disputes/{dispute_id:uuid}/numbers", operation_id="importNumbers",
    tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200, responses=refusals(*CANNOT_IMPORT),
)  # fmt: skip
async def upload(
    dispute_id: FromPath[UUID], data: JSONBody[UploadNumbers], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> DisputeView:  # fmt: skip
    """Match the other side's file (CSV or workbook, base64) with the statement's lines."""
    return await match_upload(tenant, data, dispute_id=DisputeId(dispute_id), principal=principal, now=now)


@post(
    "/brand/v1/settlement/disputes/{dispute_id:uuid}/differences/{number:int}/answer",
    operation_id="answerDifference", tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(
        errors.DisputeNotFound, errors.DifferenceAnswered, errors.AdjustmentWrong, errors.ContractNotFound,
        errors.PartyUnknown,
    ),
)  # fmt: skip
async def answer(
    dispute_id: FromPath[UUID], number: FromPath[int], data: JSONBody[AnswerDifference], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> DisputeView:  # fmt: skip
    """Say who is right about a difference, and why; where they are, an adjustment is asked for."""
    about, by = DisputeId(dispute_id), principal.actor()
    async with tenant.writing() as db:
        return await answer_difference(db, data, dispute_id=about, number=number, answered_by=by, now=now)


@post(
    "/brand/v1/settlement/disputes/{dispute_id:uuid}/resolution", operation_id="resolveDispute",
    tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(
        errors.DisputeNotFound, errors.DifferencesOpen, errors.DisputeStandsOtherwise, errors.StatementStandsOtherwise
    ),
)  # fmt: skip
async def resolve(
    dispute_id: FromPath[UUID], data: JSONBody[ResolveDispute], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> DisputeView:  # fmt: skip
    """End a dispute whose differences are all answered."""
    about, by = DisputeId(dispute_id), principal.actor()
    async with tenant.writing() as db:
        return await resolve_dispute(db, data, dispute_id=about, resolved_by=by, now=now)


async def match_upload(
    tenant: TenantScope, data: UploadNumbers, *, dispute_id: DisputeId, principal: Principal, now: Now
) -> DisputeView:
    """Read the file and match it; a mall's people reach the disputes of their own statements alone."""
    mall_id = principal.mall_id
    async with tenant.reading() as db:
        dispute = await find_dispute(db, dispute_id, mall_id=mall_id)
        statement = await find_statement(db, dispute.statement_id, mall_id=mall_id)
    numbers = read_upload(data, month=statement.period_on)
    async with tenant.writing_much() as db:
        return await import_numbers(
            db, numbers, dispute_id=dispute_id, imported_by=principal.actor(), now=now, mall_id=mall_id
        )


ROUTES = [begin, list_disputes, upload, answer, resolve]
