"""金额不符的支付: payments of which the channel took another amount than was asked, and what finance decides of them."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from orders import errors
from orders.commands import DecidePayment
from orders.differing import accept_differing, differing_payments, refund_differing
from orders.views import DifferingPayment, DifferingPayments
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.kernel.ids import PaymentId

BASE = "/brand/v1/settlement/differing-payments"


@get(BASE, operation_id="listDifferingPayments", tags=["settlement"], guards=[MONEY_PEOPLE])
async def list_differing(tenant: CurrentTenant) -> DifferingPayments:
    """Payments of another amount than was asked that wait for a decision: the money stands in suspense (挂账)."""
    async with tenant.reading() as db:
        return await differing_payments(db)


@post(
    f"{BASE}/{{payment_id:uuid}}/refund", operation_id="refundDifferingPayment", tags=["settlement"], guards=[MONEY_PEOPLE],
    status_code=200, responses=refusals(errors.DifferingPaymentNotFound, errors.DifferingPaymentSettled),
)  # fmt: skip
async def refund(
    payment_id: FromPath[UUID], data: JSONBody[DecidePayment], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now,
) -> DifferingPayment:  # fmt: skip
    """Give all of it back; the shopper pays the order anew."""
    chosen = PaymentId(payment_id)
    async with tenant.writing() as db:
        return await refund_differing(db, data, payment_id=chosen, now=now, actor=principal.actor())


@post(
    f"{BASE}/{{payment_id:uuid}}/acceptance", operation_id="acceptDifferingPayment", tags=["settlement"], guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(
        errors.DifferingPaymentNotFound, errors.DifferingPaymentSettled, errors.PaidAboveTotal, errors.OrderNotPayable,
        errors.PaymentPending,
    ),
)  # fmt: skip
async def accept(
    payment_id: FromPath[UUID], data: JSONBody[DecidePayment], tenant: CurrentTenant, principal: CurrentPrincipal,
    wiring: Joined, now: Now,
) -> DifferingPayment:  # fmt: skip
    """Take it as the order's price: the order is paid, and what is missing is taken off its goods."""
    chosen, actor = PaymentId(payment_id), principal.actor()
    async with tenant.writing() as db:
        return await accept_differing(db, data, payment_id=chosen, terms=wiring.terms, now=now, actor=actor)


ROUTES = [list_differing, refund, accept]
