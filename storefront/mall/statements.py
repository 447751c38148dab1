"""A landlord's own statements: nothing of another mall, and no shopper's details, can be reached from here."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from settlement import queries
from settlement.errors import MonthUnreadable, StatementNotFound
from settlement.views import StatementList
from storefront.auth import CurrentPrincipal, CurrentTenant, staff
from storefront.brand.settlement import chosen_month, download
from storefront.errors import RoleNotAllowed
from storefront.frame import refusals
from storefront.statements.files import FileKind
from storefront.tokens import Principal
from tenants.kernel.ids import MallId, StatementId
from tenants.states import StaffRole

ACCOUNTANT = staff(StaffRole.MALL_FINANCE)


@get(
    "/mall/v1/statements", operation_id="listMallStatements", tags=["mall"], guards=[ACCOUNTANT],
    responses=refusals(MonthUnreadable),
)  # fmt: skip
async def list_statements(
    tenant: CurrentTenant, principal: CurrentPrincipal, month: FromQuery[str | None] = None
) -> StatementList:
    """The mall's statements of a month, or all."""
    async with tenant.reading() as db:
        found = await queries.statements(db, month=chosen_month(month), mall_id=own_mall(principal))
    return StatementList(statements=found)


@get(
    "/mall/v1/statements/{statement_id:uuid}/{kind:str}",
    operation_id="getMallStatementFile",
    tags=["mall"],
    guards=[ACCOUNTANT],
    responses=refusals(StatementNotFound),
)
async def get_statement_file(
    statement_id: FromPath[UUID], kind: FromPath[FileKind], tenant: CurrentTenant, principal: CurrentPrincipal
) -> Response[bytes]:
    """One of the mall's statements as csv, xlsx or html."""
    async with tenant.reading() as db:
        statement = await queries.find_statement(db, StatementId(statement_id), mall_id=own_mall(principal))
    return await download(tenant, statement, kind=kind)


def own_mall(principal: Principal) -> MallId:
    """Whose accountant is asking; one without a mall sees nothing."""
    if principal.mall_id is None:
        raise RoleNotAllowed
    return principal.mall_id


ROUTES = [list_statements, get_statement_file]
