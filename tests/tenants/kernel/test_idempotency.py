"""One key, one effect, under a hundred equal requests at once; with the famous upsert put back, it fails."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from tenants.kernel import idempotency
from tenants.kernel.idempotency import (
    IdempotencyConflict,
    IdempotencyInFlight,
    IdempotencyKeyMissing,
    Keyed,
    StoredAnswer,
    begin,
    complete,
    keyed,
)
from tenants.kernel.scope import DatabaseBusy, TenantScope


def request(key: str = "k-1", **body: object) -> Keyed:
    return keyed(principal="shopper:1", route="placeOrder", key=key, body=body)


async def once(
    tenant: TenantScope, keyed_request: Keyed, *, now: datetime, effects: list[int]
) -> StoredAnswer | None:
    async with tenant.writing() as db:
        stored = await begin(db, keyed_request, now=now)
        if stored is None:
            effects.append(1)
            await complete(db, keyed_request, status=201, answer=b'{"n":1}')
        return stored


async def test_a_hundred_equal_requests_have_one_effect(tenant: TenantScope, now: datetime) -> None:
    effects: list[int] = []

    async def attempt() -> StoredAnswer | str | None:
        try:
            return await once(tenant, request(), now=now, effects=effects)
        except (IdempotencyInFlight, DatabaseBusy) as refusal:
            return type(refusal).__name__

    answers = await asyncio.gather(*(attempt() for _ in range(100)))
    assert effects == [1]
    assert answers.count(None) == 1
    assert all(
        answer is None or answer == StoredAnswer(201, b'{"n":1}') or isinstance(answer, str)
        for answer in answers
    )


async def test_looking_before_writing_would_have_several_effects(tenant: TenantScope, now: datetime) -> None:
    """Control: read, decide, write lets several through."""
    effects: list[int] = []

    async def careless() -> None:
        async with tenant.writing() as db:
            found = await db.execute(
                text("SELECT 1 FROM app.idempotency_keys WHERE tenant_id = :t AND key = 'c'"),
                {"t": db.tenant_id},
            )
            if found.first() is None:
                effects.append(1)
                await asyncio.sleep(0.05)

    await asyncio.gather(*(careless() for _ in range(10)))
    assert len(effects) > 1


async def test_a_repeat_gets_the_stored_answer(tenant: TenantScope, now: datetime) -> None:
    effects: list[int] = []
    await once(tenant, request(), now=now, effects=effects)
    assert await once(tenant, request(), now=now, effects=effects) == StoredAnswer(201, b'{"n":1}')


async def test_another_body_under_the_same_key_is_refused(tenant: TenantScope, now: datetime) -> None:
    await once(tenant, request(quantity=1), now=now, effects=[])
    with pytest.raises(IdempotencyConflict):
        await once(tenant, request(quantity=2), now=now, effects=[])


async def test_a_refused_request_leaves_its_key_free(tenant: TenantScope, now: datetime) -> None:
    with pytest.raises(RuntimeError):
        async with tenant.writing() as db:
            await begin(db, request(), now=now)
            raise RuntimeError
    assert await once(tenant, request(), now=now, effects=[]) is None


async def test_another_tenants_same_key_is_another_key(
    tenant: TenantScope, other_tenant: TenantScope, now: datetime
) -> None:
    effects: list[int] = []
    await once(tenant, request(), now=now, effects=effects)
    await once(other_tenant, request(), now=now, effects=effects)
    assert effects == [1, 1]


async def test_an_expired_key_may_be_used_anew(tenant: TenantScope, now: datetime) -> None:
    effects: list[int] = []
    await once(tenant, request(), now=now, effects=effects)
    later = now + idempotency.KEPT_FOR + timedelta(seconds=1)
    assert await once(tenant, request(quantity=9), now=later, effects=effects) is None
    assert effects == [1, 1]


def test_key_order_does_not_matter_but_array_order_and_null_do() -> None:
    def fingerprint(body: object) -> str:
        return keyed(principal="p", route="r", key="k", body=body).fingerprint

    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert fingerprint({"a": None}) != fingerprint({})


@pytest.mark.parametrize("key", [None, "", "x" * 256, "schlüssel", "a\x00b"])
def test_a_missing_or_unprintable_key_is_refused(key: str | None) -> None:
    with pytest.raises(IdempotencyKeyMissing):
        keyed(principal="p", route="r", key=key, body={})
