"""A brand is connected with its vendors: by its file when it is opened, by a command or an operator's request afterwards, in partner mode too."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from orders.states import OrderState
from storefront.channels import WechatPayChannels
from storefront.cli.main import storefront
from tenants.credentials import merchant_secrets, push_secrets, wecom_secrets
from tenants.directory import tenant_coded
from tenants.kernel.ids import new_id, random_code
from tests.storefront.adapters.parties import fresh_mchid
from tests.storefront.cli.test_commands import environment
from tests.storefront.simulators.till import _keys_made_once, control, http, merchant_key, wechat_keys
from tests.support.http import answered, refused
from tests.support.rows import rows, value
from tests.support.trading import PRICE, fill_shelves

__all__ = ["_keys_made_once", "control", "environment", "http", "merchant_key", "wechat_keys"]

SERIAL, AES_KEY = "5157F09EFDC096DE", "k" * 43
ACTIONS = (
    "SELECT actor, action FROM app.audit_log WHERE tenant_id = :t AND action <> 'create_tenant' ORDER BY at"
)


async def run(*arguments: str):
    """A command beside this loop: it has one of its own."""
    return await asyncio.to_thread(CliRunner().invoke, storefront, list(arguments))


def toml(table: dict[str, Any], prefix: str = "") -> str:
    """A table as TOML."""
    lines = [f"{name} = {json.dumps(each)}" for name, each in table.items() if not isinstance(each, dict)]
    inner = [
        f"\n[{prefix}{name}]\n{toml(each, f'{prefix}{name}.')}"
        for name, each in table.items()
        if isinstance(each, dict)
    ]
    return "\n".join([*lines, *inner])


@dataclass
class Provider:
    """A service provider at the simulator with a sub-merchant, and how a brand's file names them."""

    number: str
    appid: str
    sub: str
    brand_app: str
    keys: dict[str, Any]
    options: dict[str, str]

    @property
    def partner(self) -> dict[str, str]:
        return {"merchant_no": self.number, "appid": self.appid, **self.options}


async def open_provider(control, merchant_key, *, own_app=True, chain=False) -> Provider:
    number, appid = fresh_mchid(), "wx" + secrets.token_hex(8)
    sub, brand_app = fresh_mchid(), "wx" + secrets.token_hex(8)
    if not own_app:
        brand_app = appid
    api_v3_key = random_code(32)
    registered = await control.register_merchant(
        mchid=number,
        appid=appid,
        public_key=merchant_key[1],
        certificate_serial=SERIAL,
        api_v3_key=api_v3_key,
    )
    more = ({"appid": brand_app} if own_app else {}) | ({"brand": sub} if chain else {})
    await control.command("merchants", mchid=sub, legal_name="春序连锁有限公司", provider=number, **more)
    keys = {
        "certificate_serial": SERIAL, "private_key": merchant_key[0], "api_v3_key": api_v3_key,
        "wechat_public_keys": {registered.public_key_id: registered.public_key},
    }  # fmt: skip
    options = ({"sub_appid": brand_app} if own_app else {}) | ({"brand_merchant_no": sub} if chain else {})
    return Provider(number, appid, sub, brand_app, keys, options)


def brand(provider: Provider) -> dict[str, Any]:
    return {
        "code": f"brand-{random_code(8).lower()}", "name": "春序连锁", "appid": provider.brand_app,
        "app_secret": random_code(32),
        "merchant": {
            "merchant_no": provider.sub, "legal_name": "春序连锁有限公司", "fee_bps": 60, **provider.keys,
            "partner": provider.partner,
        },
    }  # fmt: skip


@pytest.fixture
def opened(environment, control, database, settings, keys, http, tmp_path: Path):
    """Open a brand by its file and let it trade."""
    environment.setenv("WECHAT_PAY_URL", control.url)
    at_simulator = msgspec.structs.replace(
        settings, wechat_pay_url=control.url, storefront_public_url="http://127.0.0.1:9"
    )
    channels = WechatPayChannels(http, settings=at_simulator, keys=keys, clock=lambda: datetime.now(UTC))

    async def open_it(facts, *, mchid):
        (tmp_path / "brand.toml").write_text(toml(facts))
        shown = await run("tenant", "create", str(tmp_path / "brand.toml"))
        assert shown.exit_code == 0, shown.output
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, facts["code"])
        return await fill_shelves(
            database.tenant(tenant_id), control=control, channels=channels, mchid=mchid, appid=facts["appid"]
        )

    return open_it


@pytest.mark.parametrize(("own_app", "chain"), [(True, False), (False, False), (True, True)])
async def test_a_brand_in_partner_mode_trades_from_its_file(
    opened, control, merchant_key, http, keys, own_app, chain
):
    provider = await open_provider(control, merchant_key, own_app=own_app, chain=chain)
    trading = await opened(brand(provider), mchid=provider.sub)
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await control.pay(payment_no=payment.payment_no, mchid=provider.number, wait=False)
    assert (await trading.sync(order.id)).order_state is OrderState.PAID
    books = await control.books()
    (paid,) = [each for each in books["payments"] if each["outTradeNo"] == payment.payment_no]
    assert (paid["mchid"], paid["subMchid"], paid["totalFen"]) == (provider.number, provider.sub, PRICE)
    async with trading.tenant.reading() as db:
        secrets_kept = await merchant_secrets(db, None, keys=keys)
    merchant_id = await value(trading.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
    splitting = await trading.channels.splitting(trading.tenant, merchant_id)
    assert secrets_kept.partner.merchant_no == provider.number
    assert (secrets_kept.partner.brand_merchant_no is not None) == chain
    assert await splitting.largest_rate() == 3_000


async def test_a_direct_brand_moves_to_a_provider_by_command_and_back(
    opened, control, merchant_key, environment, tmp_path, keys
):
    provider = await open_provider(control, merchant_key)
    facts = brand(provider)
    own = {name: facts["merchant"].pop(name) for name in ("partner",)}["partner"]
    # Direct until now: the sub-merchant's number with keys of its own, which the provider's will replace.
    trading = await opened(facts, mchid=provider.sub)
    code = facts["code"]
    (tmp_path / "connect.toml").write_text(toml({"speak": {"partner": own, "keys": provider.keys}}))
    shown = await run("tenant", "connect", code, str(tmp_path / "connect.toml"))
    assert shown.exit_code == 0, shown.output
    assert "https://shop.example/callbacks/wecom/" in shown.output
    assert provider.keys["api_v3_key"] not in shown.output
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await control.pay(payment_no=payment.payment_no, mchid=provider.number, wait=False)
    assert (await trading.sync(order.id)).order_state is OrderState.PAID
    async with trading.tenant.reading() as db:
        assert (await merchant_secrets(db, None, keys=keys)).partner.sub_appid == provider.brand_app
    assert [each.action for each in await rows(trading.tenant, ACTIONS)] == ["speak_through"]


async def test_a_file_connects_wecom_and_the_push_and_a_second_one_replaces_them(
    opened, control, merchant_key, tmp_path, keys
):
    provider = await open_provider(control, merchant_key)
    corp = {
        "corp_id": "ww1",
        "contact_secret": "contact-secret",
        "callback_token": "tok",
        "encoding_aes_key": AES_KEY,
    }
    facts = brand(provider) | {"wecom": corp, "push": {"token": "push"}}
    trading = await opened(facts, mchid=provider.sub)
    async with trading.tenant.reading() as db:
        assert (await wecom_secrets(db, keys=keys)).corp_id == "ww1"
        assert (await push_secrets(db, keys=keys))[1].encoding_aes_key is None
    more = {"wecom": corp | {"corp_id": "ww2"}, "push": {"token": "push", "encoding_aes_key": AES_KEY}}
    (tmp_path / "connect.toml").write_text(toml(more))
    assert (await run("tenant", "connect", facts["code"], str(tmp_path / "connect.toml"))).exit_code == 0
    async with trading.tenant.reading() as db:
        assert (await wecom_secrets(db, keys=keys)).corp_id == "ww2"
        assert (await push_secrets(db, keys=keys))[1].encoding_aes_key == AES_KEY


async def test_an_operator_connects_a_brand_over_http(client, tenant, keys):
    operator = client.as_operator()
    path = f"/operator/v1/tenants/{tenant.tenant_id}/connections"
    corp = {
        "corpId": "ww1",
        "contactSecret": "contact-secret",
        "callbackToken": "tok",
        "encodingAesKey": AES_KEY,
    }
    found = answered(await operator.post(path, json={"wecom": corp}), 200)
    assert found["wecom"].rpartition("/")[0].endswith("/callbacks/wecom")
    async with tenant.reading() as db:
        assert (await wecom_secrets(db, keys=keys)).callback_token == "tok"
    ((actor, action),) = await rows(tenant, ACTIONS)
    assert (actor.split(":")[0], action) == ("operator", "connect_wecom")


async def test_what_does_not_fit_is_refused_naming_the_field_and_changes_nothing(client, tenant, keys):
    operator = client.as_operator()
    path = f"/operator/v1/tenants/{tenant.tenant_id}/connections"
    foreign = {"speak": {"partner": {"merchantNo": "1900000001", "appid": "wxprovider"}}}
    details = refused(await operator.post(path, json=foreign), 422, "PARTNER_APPID_FOREIGN")
    assert details == {"partner.subAppid": "not the brand's mini-program"}
    keys_that_are_none = {"partner": None, "keys": {
        "certificateSerial": "5157F09EFDC096DE", "privateKey": "secret-canary", "apiV3Key": "x" * 32,
    }}  # fmt: skip
    answer = await operator.post(path, json={"speak": keys_that_are_none})
    refused(answer, 422, "MERCHANT_KEY_UNREADABLE")
    assert "canary" not in answer.text
    unknown = {"speak": {"partner": None, "merchantNo": "1900000999"}}
    refused(await operator.post(path, json=unknown), 404, "MERCHANT_NOT_FOUND")
    refused(
        await operator.post(path.replace(str(tenant.tenant_id), str(new_id())), json={}),
        404,
        "TENANT_NOT_FOUND",
    )
    short = {
        "wecom": {
            "corpId": "ww1",
            "contactSecret": "contact-secret",
            "callbackToken": "t",
            "encodingAesKey": "k",
        }
    }
    assert (await operator.post(path, json=short)).status_code == 422
    assert await rows(tenant, ACTIONS) == []
    async with tenant.reading() as db:
        assert (await merchant_secrets(db, None, keys=keys)).partner is None
