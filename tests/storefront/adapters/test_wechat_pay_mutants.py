"""Altered callbacks through the whole application: none accepted, none answered 5xx (P9).

The suite sends 3,000; the long run is `MUTANTS=100000 pytest tests/storefront/adapters/test_wechat_pay_mutants.py`.
"""

import os
import time
from datetime import UTC, datetime
from itertools import islice

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from storefront.adapters.wechat_pay import keys as wechat_keys_module
from storefront.channels import CALLBACK_PATH
from tenants.credentials import merchant_secrets
from tenants.merchant_keys import trust_keys
from tenants.queries import merchants
from tests.storefront.adapters.mutants import Sender, mutants
from tests.storefront.conftest import app, passwords  # noqa: F401 fixtures

MUTANTS = int(os.environ.get("MUTANTS", "3000"))
CHUNK, LONG = 1_000, 100_000
SEED = 2026
SERIAL = "PUB_KEY_ID_0119000000012026112100000000000000"


@pytest.fixture
async def wechat(tenant, keys, stranger_key, now):
    """WeChat, trusted by the tenant's merchant; with the address it calls, and what a genuine callback says."""
    async with tenant.writing() as db:
        (merchant,) = await merchants(db)
        await trust_keys(
            db, merchant.id, added={SERIAL: stranger_key[1]}, keys=keys, now=now, actor="system:test"
        )
        secrets = await merchant_secrets(db, merchant.id, keys=keys)
    private = serialization.load_pem_private_key(stranger_key[0].encode(), None)
    told = {
        "mchid": secrets.merchant_no,
        "appid": secrets.appid,
        "out_trade_no": "P-20261121-1",
        "transaction_id": "4200000000000000000000000001",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-21T16:00:00+08:00",
        "payer": {"openid": "o-shopper"},
        "amount": {"total": 100, "payer_total": 100, "currency": "CNY"},
    }
    sender = Sender(private, serial=SERIAL, api_v3_key=secrets.api_v3_key)
    return sender, f"{CALLBACK_PATH}/{secrets.callback_key}/{secrets.merchant_no}", told


@pytest.mark.timeout(3600)
async def test_altered_callbacks_are_refused_in_wechats_form_and_quickly(app, tenant, wechat):  # noqa: F811
    sender, url, told = wechat
    took = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.local") as client:
        for chunk in range(0, MUTANTS, CHUNK):
            # Signed anew for each chunk: parts that are genuine must not be refused for their age alone.
            altered = mutants(sender, told, seed=SEED + chunk, now=datetime.now(UTC))
            for headers, body in islice(altered, CHUNK):
                begin = time.perf_counter()
                answer = await client.post(url, content=body, headers=headers)
                took.append(time.perf_counter() - begin)
                assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
                assert answer.json()["code"] == "FAIL"
        genuine = sender.letter(told, at=datetime.now(UTC))
        assert (await client.post(url, content=genuine[1], headers=genuine[0])).status_code == 204
    # The suite shares its machine; the long run has it to itself, and is held to the promise.
    quantile = 0.99 if MUTANTS >= LONG else 0.5
    assert sorted(took)[int(len(took) * quantile)] < 0.05


async def test_control_without_the_check_of_the_signature_altered_callbacks_are_accepted(
    app,  # noqa: F811
    tenant,
    wechat,
    monkeypatch,
):
    sender, url, told = wechat
    # The famous bug: whatever names a known serial is believed.
    monkeypatch.setattr(wechat_keys_module, "verify_with", lambda *_args, **_named: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.local") as client:
        altered = islice(mutants(sender, told, seed=SEED, now=datetime.now(UTC)), 300)
        statuses = [
            (await client.post(url, content=body, headers=headers)).status_code for headers, body in altered
        ]
    assert statuses.count(204) > 50
