"""Contracts with malls and other parties: made, never edited; a new version ends the one before."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from settlement import contracts, errors
from settlement.agreements import queries as contract_queries
from settlement.agreements import rehearse
from settlement.agreements.ask_ratio import largest_rates
from settlement.agreements.views import ContractList, ContractView, RehearsalView
from settlement.commands import CreateContract, RehearseContract
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, staff
from storefront.frame import refusals
from tenants.errors import TimeZoneUnknown
from tenants.kernel.ids import ContractId
from tenants.states import MONEY_ROLES

CONTRACT_REFUSALS = (
    errors.BearerWrong, errors.CapBelowGuarantee, errors.ContractDatesWrong, errors.ContractStoresWrong, errors.ExTaxWithoutTax,
    errors.GuaranteeIncomplete, errors.GuaranteeWithoutRate, errors.MaxSplitExceeded, errors.PartyUnknown,
    errors.PeriodTermsEmpty, errors.PeriodTermsTwice, errors.RateDatesWrong, errors.RateNamedTwice,
    errors.RatesExceedWhole, errors.ResidualPartyHasRate, errors.CollectorUnclear, errors.TermsWithoutPeriod, errors.TiersNotInOrder,
    errors.TiersStartAboveZero, TimeZoneUnknown,
)  # fmt: skip
"""Why a contract may not be, whatever stands beside it."""
MONEY_PEOPLE = staff(*MONEY_ROLES)


@post(
    "/brand/v1/contracts",
    operation_id="createContract",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(
        *CONTRACT_REFUSALS,
        errors.ContractBackdated,
        errors.ContractCalendarChanged,
        errors.ContractOverlap,
        errors.ContractVersionTooEarly,
    ),
)
async def create_contract(
    data: JSONBody[CreateContract],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    wiring: Joined,
    now: Now,
) -> ContractView:
    """Make a contract, or the next version of the one with this code."""
    ratios = await largest_rates(tenant, data, channels=wiring.channels)
    async with tenant.writing() as db:
        return await contracts.create_contract(db, data, created_by=principal.actor(), now=now, ratios=ratios)


@get("/brand/v1/contracts", operation_id="listContracts", tags=["settlement"], guards=[MONEY_PEOPLE])
async def list_contracts(tenant: CurrentTenant, code: FromQuery[str | None] = None) -> ContractList:
    """All versions of all contracts, or of one."""
    async with tenant.reading() as db:
        return ContractList(contracts=await contract_queries.contracts(db, code=code))


@get(
    "/brand/v1/contracts/{contract_id:uuid}",
    operation_id="getContract",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(errors.ContractNotFound),
)
async def get_contract(contract_id: FromPath[UUID], tenant: CurrentTenant) -> ContractView:
    """One version of a contract."""
    async with tenant.reading() as db:
        return await contract_queries.find_contract(db, ContractId(contract_id))


@post(
    "/brand/v1/settlement/contracts/rehearsals",
    operation_id="rehearseContract",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(*CONTRACT_REFUSALS, errors.MonthUnreadable),
)
async def rehearse_contract(data: JSONBody[RehearseContract], tenant: CurrentTenant) -> RehearsalView:
    """试算: what the contract would have done to a month's real orders. Writes nothing."""
    async with tenant.reporting() as db:
        return await rehearse.rehearse_contract(db, data)


ROUTES = [create_contract, list_contracts, get_contract, rehearse_contract]
