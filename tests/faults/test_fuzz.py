"""Made-up requests never get a 5xx, an undocumented status, or an answer that its schema does not describe.

Some hundreds of requests as two roles (`FUZZ_SECONDS=20` about 1,500); `scripts/fuzz_api.py` sends a hundred thousand.
"""

import asyncio
import os
from datetime import UTC, datetime

import pytest
from litestar import get
from litestar.params import FromQuery

from scripts.fuzz_api import fuzz
from storefront.app import create_app
from storefront.auth import shopper
from storefront.passwords import Argon2Passwords
from storefront.tokens import Audience, Principal
from storefront.wiring import wire
from tenants.kernel.ids import SessionId, new_id
from tenants.states import StaffRole
from tests.support.served import serving
from tests.support.shop import add_product, add_store, sell

SEED = 20261121
SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
FEWEST = 100


@pytest.fixture(scope="module")
def passwords():
    made = Argon2Passwords(memory_kib=64, rounds=1, lanes=1)
    yield made
    made.close()


@pytest.fixture
async def brand(tenant):
    """A brand with something to be found."""
    async with tenant.writing() as db:
        await add_store(db)
        await sell(db, await add_product(db))
    return tenant


def token(wiring, tenant, audience, role=None):
    principal = Principal(
        audience=audience,
        subject=new_id(),
        session_id=SessionId(new_id()),
        tenant_id=tenant.tenant_id,
        role=role,
    )
    return wiring.tokens.issue(principal, now=datetime.now(UTC))[0]


async def enough(url, *, token, examples, only, fewest) -> str:
    """What is told of the faults. The time is bounded, not the number: a machine too busy for so many gets another, longer turn."""
    sent, turn, told = 0, 0, ""
    while sent < fewest and not told:
        asked = {"token": token, "seed": SEED + turn, "examples": examples, "only": only}
        fuzzed = await asyncio.to_thread(fuzz, url, seconds=SECONDS * 2**turn, **asked)
        sent, turn, told = sent + fuzzed.cases, turn + 1, fuzzed.told
    return told


@pytest.mark.parametrize(
    ("audience", "role", "only"),
    [(Audience.SHOPPER, None, "/shopper/"), (Audience.STAFF, StaffRole.BRAND_HQ, "/(brand|staff)/")],
)
async def test_no_made_up_request_is_answered_in_an_unknown_way(
    settings, passwords, brand, audience, role, only
):
    wiring = wire(settings, passwords=passwords)
    async with serving(lambda _url: create_app(wiring=wiring)) as url:
        bearer = token(wiring, brand, audience, role)
        told = await enough(url, token=bearer, examples=8, only=only, fewest=FEWEST)
    assert not told, told[-6000:]


@get("/shopper/v1/share", operation_id="divide", guards=[shopper])
async def divide(by: FromQuery[int]) -> dict[str, int]:
    """The famous bug."""
    return {"each": 100 // by if by else {}[by]}


async def test_a_route_that_divides_by_nothing_is_caught(settings, passwords, brand):
    """The control."""
    wiring = wire(settings, passwords=passwords)
    async with serving(lambda _url: create_app(wiring=wiring, routes=[divide])) as url:
        bearer = token(wiring, brand, Audience.SHOPPER)
        told = await enough(url, token=bearer, examples=30, only="/share", fewest=1)
    assert "Server error" in told
