"""Periods, closings, statements and the money of one order, for the brand's headquarters and finance."""

from datetime import date
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from settlement import queries
from settlement.close import close_month
from settlement.commands import CloseMonth, month_from_text
from settlement.errors import (
    EarlierPeriodOpen,
    LaterPeriodClosed,
    MonthUnreadable,
    OrderMoneyNotFound,
    PeriodNotOver,
    StatementNotFound,
)
from settlement.views import ClosingView, OrderMoney, PeriodList, StatementList, StatementView
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from storefront.statements.columns import file_name
from storefront.statements.files import MEDIA_TYPES, FileKind, file_bytes
from tenants.kernel.ids import OrderId, StatementId
from tenants.kernel.scope import TenantScope


@get(
    "/brand/v1/settlement/periods", operation_id="listPeriods", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(MonthUnreadable),
)  # fmt: skip
async def list_periods(tenant: CurrentTenant, month: FromQuery[str | None] = None) -> PeriodList:
    """The months that were booked into or closed, per contract."""
    async with tenant.reading() as db:
        return PeriodList(periods=await queries.periods(db, month=chosen_month(month)))


@post(
    "/brand/v1/settlement/closings",
    operation_id="closeMonth",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(EarlierPeriodOpen, LaterPeriodClosed, MonthUnreadable, PeriodNotOver),
)
async def close(
    data: JSONBody[CloseMonth], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> ClosingView:
    """Close a month and write each party's statement; a closed month answers with what it was closed with."""
    month = month_from_text(data.month)
    closings = await close_month(
        tenant, month, closed_by=principal.actor(), now=now, through=data.through, early=data.early
    )
    return closings[-1]


@get(
    "/brand/v1/settlement/statements", operation_id="listStatements", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(MonthUnreadable),
)  # fmt: skip
async def list_statements(
    tenant: CurrentTenant, month: FromQuery[str | None] = None, versions: FromQuery[bool | None] = None
) -> StatementList:
    """The statements of a month, or all; with `versions` superseded ones too."""
    chosen = chosen_month(month)
    async with tenant.reading() as db:
        return StatementList(statements=await queries.statements(db, month=chosen, versions=bool(versions)))


@get(
    "/brand/v1/settlement/statements/{statement_id:uuid}",
    operation_id="getStatement",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(StatementNotFound),
)
async def get_statement(statement_id: FromPath[UUID], tenant: CurrentTenant) -> StatementView:
    """One statement."""
    async with tenant.reading() as db:
        return await queries.find_statement(db, StatementId(statement_id))


@get(
    "/brand/v1/settlement/statements/{statement_id:uuid}/{kind:str}",
    operation_id="getStatementFile",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(StatementNotFound),
)
async def get_statement_file(
    statement_id: FromPath[UUID], kind: FromPath[FileKind], tenant: CurrentTenant
) -> Response[bytes]:
    """A statement as csv, xlsx or html: the same bytes every time."""
    async with tenant.reading() as db:
        statement = await queries.find_statement(db, StatementId(statement_id))
    return await download(tenant, statement, kind=kind)


@get(
    "/brand/v1/orders/{order_id:uuid}/money",
    operation_id="getOrderMoney",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(OrderMoneyNotFound),
)
async def get_order_money(order_id: FromPath[UUID], tenant: CurrentTenant) -> OrderMoney:
    """Every fen of an order: its lines, their frozen terms, each party's portion, each reversal."""
    async with tenant.reading() as db:
        return await queries.order_money(db, OrderId(order_id))


async def download(tenant: TenantScope, statement: StatementView, *, kind: FileKind) -> Response[bytes]:
    """A statement's file as an attachment."""
    content = await file_bytes(tenant, statement, kind=kind)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(statement, kind)}"'}
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


def chosen_month(month: str | None) -> date | None:
    """The month of a query, if it names one."""
    return None if month is None else month_from_text(month)


ROUTES = [
    list_periods,
    close,
    list_statements,
    get_statement,
    get_statement_file,
    get_order_money,
]
