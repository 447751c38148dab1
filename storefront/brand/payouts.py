"""Payouts, for finance: where parties' money goes, batches of what is due, released by a second person, outcomes noted."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from settlement.errors import NumbersUnreadable, PartyUnknown, SecondPersonNeeded
from settlement.payouts import errors, queries
from settlement.payouts.commands import PreparePayout, RecordOutcome, SetPayee
from settlement.payouts.outcome import record_outcome
from settlement.payouts.payees import set_payee
from settlement.payouts.prepare import prepare_payout
from settlement.payouts.release import release_payout, withdraw_payout
from settlement.payouts.states import PayoutState
from settlement.payouts.views import PayeeList, PayeeView, PayoutList, PayoutView, PreparedPayout
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from storefront.imports.uploads import uploaded
from storefront.payouts.files import PayoutFile, payout_file
from storefront.payouts.results import take_results
from tenants.kernel.encryption import EnvelopeUnreadable
from tenants.kernel.ids import PartyId, PayoutId

ONE = "/brand/v1/settlement/payouts/{payout_id:uuid}"


class UploadResults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A result file of bank or payroll (CSV or workbook, base64)."""

    file_name: Annotated[str, Meta(min_length=1, max_length=120)]
    content: bytes


@get("/brand/v1/settlement/payees", operation_id="listPayees", tags=["payouts"], guards=[MONEY_PEOPLE])
async def list_payees(tenant: CurrentTenant) -> PayeeList:
    """Where parties' money goes, ended ones too; account numbers by their last four characters."""
    async with tenant.reading() as db:
        return PayeeList(payees=await queries.payees(db))


@put(
    "/brand/v1/settlement/parties/{party_id:uuid}/payee", operation_id="setPayee", tags=["payouts"],
    guards=[MONEY_PEOPLE], responses=refusals(PartyUnknown, errors.PayeeWrong),
)  # fmt: skip
async def say_payee(
    party_id: FromPath[UUID], data: JSONBody[SetPayee], tenant: CurrentTenant, principal: CurrentPrincipal,
    wiring: Joined, now: Now,
) -> PayeeView:  # fmt: skip
    """Say where a party's money goes from now on; sealed, never shown whole again."""
    about, by = PartyId(party_id), principal.actor()
    async with tenant.writing() as db:
        return await set_payee(db, data, party_id=about, keys=wiring.keys, actor=by, now=now)


@post(
    "/brand/v1/settlement/payouts", operation_id="preparePayout", tags=["payouts"], guards=[MONEY_PEOPLE],
    status_code=200, responses=refusals(errors.PayoutExceedsStatement),
)  # fmt: skip
async def prepare(
    data: JSONBody[PreparePayout], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PreparedPayout:
    """Hold what is due in a batch; asked twice it shows the same batch."""
    async with tenant.writing_much() as db:
        return await prepare_payout(db, data, prepared_by=principal.actor(), now=now)


@get("/brand/v1/settlement/payouts", operation_id="listPayouts", tags=["payouts"], guards=[MONEY_PEOPLE])
async def list_payouts(tenant: CurrentTenant, status: FromQuery[PayoutState | None] = None) -> PayoutList:
    """Batches, the newest first."""
    async with tenant.reading() as db:
        return PayoutList(payouts=await queries.payouts(db, state=status))


@get(
    ONE, operation_id="getPayout", tags=["payouts"], guards=[MONEY_PEOPLE], responses=refusals(errors.PayoutNotFound)
)  # fmt: skip
async def get_payout(payout_id: FromPath[UUID], tenant: CurrentTenant) -> PayoutView:
    """One batch with its lines."""
    async with tenant.reading() as db:
        return await queries.find_payout(db, PayoutId(payout_id))


@get(
    f"{ONE}/files/{{kind:str}}", operation_id="getPayoutFile", tags=["payouts"], guards=[MONEY_PEOPLE],
    responses=refusals(
        errors.PayoutNotFound, errors.PayoutNotReleased, errors.PayeeNotFound, EnvelopeUnreadable
    ),
)  # fmt: skip
async def get_file(
    payout_id: FromPath[UUID], kind: FromPath[PayoutFile], tenant: CurrentTenant, wiring: Joined
) -> Response[bytes]:
    """The file for the bank or for payroll, with a control total: there is none before a second person released the batch."""
    name, content = await payout_file(tenant, PayoutId(payout_id), kind=kind, keys=wiring.keys)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@post(
    f"{ONE}/release", operation_id="releasePayout", tags=["payouts"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(errors.PayoutNotFound, SecondPersonNeeded, errors.PayoutStandsOtherwise),
)  # fmt: skip
async def release(
    payout_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PayoutView:
    """Let a batch go; never who prepared it."""
    async with tenant.writing() as db:
        return await release_payout(db, PayoutId(payout_id), released_by=principal.actor(), now=now)


@post(
    f"{ONE}/withdrawal", operation_id="withdrawPayout", tags=["payouts"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(errors.PayoutNotFound, errors.PayoutStandsOtherwise),
)  # fmt: skip
async def withdraw(
    payout_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PayoutView:
    """Take a prepared batch back; what it held is due again."""
    async with tenant.writing() as db:
        return await withdraw_payout(db, PayoutId(payout_id), withdrawn_by=principal.actor(), now=now)


@post(
    f"{ONE}/lines/{{number:int}}/outcome", operation_id="recordPayoutOutcome", tags=["payouts"],
    guards=[MONEY_PEOPLE], status_code=200, responses=refusals(errors.PayoutNotFound, errors.PayoutStandsOtherwise),
)  # fmt: skip
async def note_outcome(
    payout_id: FromPath[UUID], number: FromPath[int], data: JSONBody[RecordOutcome], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now,
) -> PayoutView:  # fmt: skip
    """Note that a line was paid, failed, or came back; booked once."""
    about, by = PayoutId(payout_id), principal.actor()
    async with tenant.writing() as db:
        return await record_outcome(db, data, payout_id=about, number=number, recorded_by=by, now=now)


@post(
    f"{ONE}/results", operation_id="importPayoutResults", tags=["payouts"], guards=[MONEY_PEOPLE], status_code=200,
    responses=refusals(errors.PayoutNotFound, errors.PayoutStandsOtherwise, NumbersUnreadable),
)  # fmt: skip
async def upload_results(
    payout_id: FromPath[UUID], data: JSONBody[UploadResults], tenant: CurrentTenant, principal: CurrentPrincipal,
    now: Now,
) -> PayoutView:  # fmt: skip
    """Take a result file of bank or payroll; a file read twice changes nothing."""
    with uploaded(data.content, name=data.file_name) as path:
        return await take_results(
            tenant, path, payout_id=PayoutId(payout_id), actor=principal.actor(), now=now
        )


ROUTES = [
    list_payees, say_payee, prepare, list_payouts, get_payout, get_file, release, withdraw, note_outcome, upload_results
]  # fmt: skip
