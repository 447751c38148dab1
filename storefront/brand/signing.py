"""Signing statements: a second person approves, corrections are asked for and agreed to, invoices noted."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from settlement import errors
from settlement.signing import queries
from settlement.signing.adjust import decide_adjustment, propose_adjustment
from settlement.signing.commands import DecideAdjustment, NoteAgreement, ProposeAdjustment, RecordInvoice
from settlement.signing.invoices import record_invoice
from settlement.signing.standing import agree_to_statement, approve_statement
from settlement.signing.states import AdjustmentState
from settlement.signing.views import AdjustmentList, AdjustmentView, InvoiceList
from settlement.views import StatementView
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from storefront.idempotent import REFUSALS, KeyHeader, Once, named
from tenants.kernel.ids import AdjustmentId, StatementId

CANNOT_SIGN = (
    errors.StatementNotFound,
    errors.SecondPersonNeeded,
    errors.StatementStandsOtherwise,
    errors.DifferencesOpen,
    errors.AdjustmentUndecided,
)


@post(
    "/brand/v1/settlement/statements/{statement_id:uuid}/approval", operation_id="approveStatement",
    tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200, responses=refusals(*CANNOT_SIGN),
)  # fmt: skip
async def approve(
    statement_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> StatementView:
    """Sign a statement: never who closed it. From now on it may be paid, and corrections fall into the open period."""
    async with tenant.writing() as db:
        return await approve_statement(db, StatementId(statement_id), approved_by=principal.actor(), now=now)


@post(
    "/brand/v1/settlement/statements/{statement_id:uuid}/agreement", operation_id="noteAgreement",
    tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(errors.StatementNotFound, errors.StatementStandsOtherwise),
)  # fmt: skip
async def note_agreement(
    statement_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now,
    data: JSONBody[NoteAgreement | None] = None,
) -> StatementView:  # fmt: skip
    """Note that the party agreed, on paper or by mail; the evidence stands in the audit log."""
    about, evidence = StatementId(statement_id), data.evidence if data else None
    async with tenant.writing() as db:
        return await agree_to_statement(db, about, agreed_by=principal.actor(), now=now, evidence=evidence)


@post(
    "/brand/v1/settlement/statements/{statement_id:uuid}/invoices", operation_id="recordInvoice",
    tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(errors.StatementNotFound, errors.InvoiceWrong, errors.InvoiceNumberTaken),
)  # fmt: skip
async def note_invoice(
    statement_id: FromPath[UUID], data: JSONBody[RecordInvoice], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> InvoiceList:  # fmt: skip
    """Note an invoice; the statement's files stay what was signed."""
    about, by = StatementId(statement_id), principal.actor()
    async with tenant.writing() as db:
        return await record_invoice(db, data, statement_id=about, recorded_by=by, now=now)


@get(
    "/brand/v1/settlement/statements/{statement_id:uuid}/invoices", operation_id="listInvoices",
    tags=["settlement"], guards=[MONEY_PEOPLE], responses=refusals(errors.StatementNotFound),
)  # fmt: skip
async def list_invoices(statement_id: FromPath[UUID], tenant: CurrentTenant) -> InvoiceList:
    """The invoices noted beside a statement."""
    async with tenant.reading() as db:
        await queries.standing_of(db, StatementId(statement_id))
        return InvoiceList(invoices=await queries.invoices(db, StatementId(statement_id)))


@post(
    "/brand/v1/settlement/adjustments", operation_id="proposeAdjustment", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(
        errors.ContractNotFound, errors.PartyUnknown, errors.AdjustmentWrong, errors.StatementNotFound,
        errors.StatementSealed, errors.OrderMoneyNotFound, *REFUSALS,
    ),
)  # fmt: skip
async def propose(
    data: JSONBody[ProposeAdjustment], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now,
    idempotency_key: KeyHeader = None,
) -> Response[AdjustmentView]:  # fmt: skip
    """Ask for a correction; it is booked once a second person agrees."""
    request = named(principal, route="proposeAdjustment", key=idempotency_key, body=data)
    async with tenant.writing() as db:
        verb = propose_adjustment(db, data, proposed_by=principal.actor(), now=now)
        return await Once(db, request, now=now).answer(verb)


@get(
    "/brand/v1/settlement/adjustments", operation_id="listAdjustments", tags=["settlement"], guards=[MONEY_PEOPLE]
)  # fmt: skip
async def list_adjustments(
    tenant: CurrentTenant, status: FromQuery[AdjustmentState | None] = None
) -> AdjustmentList:
    """Corrections, the newest first."""
    async with tenant.reading() as db:
        return AdjustmentList(adjustments=await queries.adjustments(db, state=status))


@post(
    "/brand/v1/settlement/adjustments/{adjustment_id:uuid}/decision", operation_id="decideAdjustment",
    tags=["settlement"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(
        errors.AdjustmentNotFound, errors.SecondPersonNeeded, errors.AdjustmentDecided, errors.StatementSealed,
        errors.StatementStandsOtherwise,
    ),
)  # fmt: skip
async def decide(
    adjustment_id: FromPath[UUID], data: JSONBody[DecideAdjustment], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> AdjustmentView:  # fmt: skip
    """A second person agrees, and it is booked, or does not."""
    about, by = AdjustmentId(adjustment_id), principal.actor()
    async with tenant.writing() as db:
        return await decide_adjustment(db, data, adjustment_id=about, decided_by=by, now=now)


ROUTES = [approve, note_agreement, note_invoice, list_invoices, propose, list_adjustments, decide]
