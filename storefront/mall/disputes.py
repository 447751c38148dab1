"""A landlord's answer to its own statements: agreed, or disputed with its own numbers. Other parties' cannot be reached from here."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from settlement import errors
from settlement.disputes.commands import OpenDispute
from settlement.disputes.open import open_dispute
from settlement.disputes.queries import disputes
from settlement.disputes.views import DisputeList, DisputeView
from settlement.queries import find_statement
from settlement.signing.standing import agree_to_statement
from settlement.views import StatementView
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.disputes import CANNOT_IMPORT, match_upload
from storefront.frame import refusals
from storefront.mall.statements import ACCOUNTANT, own_mall
from storefront.statements.numbers import UploadNumbers
from tenants.kernel.ids import DisputeId, StatementId

OWN_STATEMENT = "/mall/v1/statements/{statement_id:uuid}"


@post(
    f"{OWN_STATEMENT}/agreement", operation_id="agreeToMallStatement", tags=["mall"], guards=[ACCOUNTANT],
    status_code=200, responses=refusals(errors.StatementNotFound, errors.StatementStandsOtherwise),
)  # fmt: skip
async def agree(
    statement_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> StatementView:
    """Say that the figures are right."""
    about, mall, by = StatementId(statement_id), own_mall(principal), principal.actor()
    async with tenant.writing() as db:
        return await agree_to_statement(db, about, agreed_by=by, now=now, mall_id=mall)


@post(
    f"{OWN_STATEMENT}/disputes", operation_id="openMallDispute", tags=["mall"], guards=[ACCOUNTANT],
    responses=refusals(errors.StatementNotFound, errors.StatementStandsOtherwise),
)  # fmt: skip
async def begin(
    statement_id: FromPath[UUID], data: JSONBody[OpenDispute], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> DisputeView:  # fmt: skip
    """Say that the figures are not right, and why."""
    about, mall, by = StatementId(statement_id), own_mall(principal), principal.actor()
    async with tenant.writing() as db:
        return await open_dispute(db, data, statement_id=about, opened_by=by, now=now, mall_id=mall)


@get(
    f"{OWN_STATEMENT}/disputes", operation_id="listMallDisputes", tags=["mall"], guards=[ACCOUNTANT],
    responses=refusals(errors.StatementNotFound),
)  # fmt: skip
async def list_disputes(
    statement_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal
) -> DisputeList:
    """The disputes of one of the mall's statements."""
    about, mall = StatementId(statement_id), own_mall(principal)
    async with tenant.reading() as db:
        await find_statement(db, about, mall_id=mall)
        return DisputeList(disputes=await disputes(db, about, mall_id=mall))


@post(
    "/mall/v1/disputes/{dispute_id:uuid}/numbers", operation_id="importMallNumbers", tags=["mall"],
    guards=[ACCOUNTANT], status_code=200, responses=refusals(*CANNOT_IMPORT, errors.StatementNotFound),
)  # fmt: skip
async def upload(
    dispute_id: FromPath[UUID], data: JSONBody[UploadNumbers], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> DisputeView:  # fmt: skip
    """Hold the mall's own numbers against the statement's lines."""
    own_mall(principal)
    return await match_upload(tenant, data, dispute_id=DisputeId(dispute_id), principal=principal, now=now)


ROUTES = [agree, begin, list_disputes, upload]
