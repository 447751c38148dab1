"""`storefront keys` and `storefront doctor --tenant`: each finding names what is wrong and what to do, and never a key."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from storefront.app import create_app
from storefront.cli import doctor_tenant
from storefront.cli.doctor_tenant import examine_tenant
from storefront.cli.main import storefront
from storefront.simulators.wechat_pay import envelope
from storefront.wiring import wire
from tenants.credentials import app_identity, merchant_secrets
from tenants.merchant_keys import replace_merchant_key, trust_keys
from tenants.queries import find_tenant, merchants
from tests.storefront.cli.test_commands import environment  # noqa: F401 a fixture
from tests.storefront.simulators.till import (  # noqa: F401 fixtures
    _keys_made_once,
    control,
    http,
    new_key,
    wechat_keys,
)
from tests.support.served import serving

ACTOR = "system:test"


async def run(*arguments):
    """A command beside this loop: it has one of its own."""
    return await asyncio.to_thread(CliRunner().invoke, storefront, list(arguments))


class Brand:
    """A tenant whose merchant and mini-program the simulator knows."""

    def __init__(self, tenant, keys) -> None:
        self.tenant, self.keys = tenant, keys

    async def register(self, control):  # noqa: F811 the fixture's value
        async with self.tenant.reading() as db:
            self.view, (self.merchant,) = await find_tenant(db), await merchants(db)
            secrets = await merchant_secrets(db, self.merchant.id, keys=self.keys)
        private = serialization.load_pem_private_key(secrets.private_key.encode(), None)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        registered = await control.register_merchant(
            mchid=secrets.merchant_no,
            appid=secrets.appid,
            public_key=public.decode(),
            certificate_serial=secrets.certificate_serial,
            api_v3_key=secrets.api_v3_key,
        )
        self.secret_words = (secrets.api_v3_key, secrets.private_key.splitlines()[1])
        await self.trust({registered.public_key_id: registered.public_key})
        return self

    async def trust(self, added, dropped=()) -> None:
        async with self.tenant.writing() as db:
            await trust_keys(
                db,
                self.merchant.id,
                added=added,
                dropped=dropped,
                keys=self.keys,
                now=datetime.now(UTC),
                actor=ACTOR,
            )


@pytest.fixture
async def brand(tenant, keys, control) -> Brand:  # noqa: F811
    return await Brand(tenant, keys).register(control)


@pytest.fixture
def here(settings, control):  # noqa: F811
    """Settings that point at the simulator."""
    return msgspec.structs.replace(
        settings,
        wechat_pay_url=control.url,
        wechat_api_url=control.url,
        storefront_public_url="http://127.0.0.1:9",
    )


async def findings(settings, brand) -> dict[str, list[tuple[str, str]]]:
    found = dict(await examine_tenant(settings, brand.view.code))
    assert all(fix for lines in found.values() for _, fix in lines)
    shown = repr(found)
    assert not [word for word in brand.secret_words if word in shown]
    return {name.rpartition(": ")[2]: lines for name, lines in found.items()}


async def test_doctor_finds_only_the_callbacks_address_where_nothing_serves(here, brand):
    found = await findings(here, brand)
    faulty = {name for name, lines in found.items() if lines}
    assert faulty == {"callbacks", "mini-program"}
    assert "cannot be reached" in found["callbacks"][0][0]
    assert "40013" in found["mini-program"][0][0]


async def test_doctor_is_content_when_the_app_serves(here, brand, control, passwords):  # noqa: F811
    made = []

    def make_app(url):
        made.append(msgspec.structs.replace(here, storefront_public_url=url))
        return create_app(wiring=wire(made[0], passwords=passwords))

    async with brand.tenant.reading() as db:
        appid, secret = await app_identity(db, keys=brand.keys)
    await control.register_app(appid=appid, secret=secret)
    async with serving(make_app):
        found = await findings(made[0], brand)
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert len(found) == 8


@pytest.fixture
def passwords():
    from storefront.passwords import Argon2Passwords  # noqa: PLC0415 only here

    return Argon2Passwords(memory_kib=64, rounds=1, lanes=1)


async def test_doctor_names_a_key_that_does_not_belong_to_the_merchant(here, brand):
    async with brand.tenant.writing() as db:
        await replace_merchant_key(
            db,
            brand.merchant.id,
            private_key=new_key()[0],
            certificate_serial="ABCDEF01",
            keys=brand.keys,
            now=datetime.now(UTC),
            actor=ACTOR,
        )
    ((line, fix),) = (await findings(here, brand))["signing"]
    assert "SIGN_ERROR" in line or "signature" in line
    assert "belong together" in fix


async def test_doctor_names_an_untrusted_key_and_a_certificate_that_ends_soon(here, brand, monkeypatch):
    monkeypatch.setattr(envelope, "CERTIFICATE_YEARS", 0.03)
    platform = envelope.new_platform("5E" * 20, now=datetime.now(UTC))
    async with brand.tenant.reading() as db:
        known = (await merchant_secrets(db, brand.merchant.id, keys=brand.keys)).wechat_public_keys
    await brand.trust({platform.serial: platform.certificate}, dropped=list(known))
    found = await findings(here, brand)
    assert f"{platform.serial} ends on" in found["keys"][0][0]
    assert "keys certificates" in found["keys"][0][1]
    assert "not trusted" in found["signing"][0][1]


async def test_doctor_says_when_the_clock_is_off(here, brand, monkeypatch):
    monkeypatch.setattr(doctor_tenant, "system_clock", lambda: datetime.now(UTC) + timedelta(minutes=7))
    ((line, fix),) = (await findings(here, brand))["clock against the gateway"]
    assert "+42" in line
    assert "NTP" in fix


async def test_doctor_says_when_no_master_key_opens_the_keys(here, brand):
    other = "other:" + base64.b64encode(b"o" * 32).decode()
    found = await findings(msgspec.structs.replace(here, storefront_master_keys=other), brand)
    assert "none of the master keys" in found["keys"][0][0]


async def test_doctor_says_when_there_is_no_such_brand(environment, brand):  # noqa: F811
    environment.setenv("WECHAT_PAY_URL", "http://127.0.0.1:1")
    shown = await run("doctor", "--tenant", "nobody")
    assert (shown.exit_code, "no brand with this code" in shown.output) == (1, True)


async def test_keys_rotate_re_encrypts_a_brands_secrets_and_says_how_many(environment, brand, settings):  # noqa: F811
    code = brand.view.code
    moved = "next:" + base64.b64encode(b"n" * 32).decode() + "," + settings.storefront_master_keys
    environment.setenv("STOREFRONT_MASTER_KEYS", moved)
    shown = await run("keys", "rotate", "--tenant", code)
    assert (shown.exit_code, f"{code}: 2 re-encrypted, 0 were current" in shown.output) == (0, True)
    again = await run("keys", "rotate", "--tenant", code)
    assert f"{code}: 0 re-encrypted, 2 were current" in again.output
    environment.setenv("STOREFRONT_MASTER_KEYS", settings.storefront_master_keys)
    lost = await run("keys", "rotate", "--tenant", code)
    assert (lost.exit_code, "none of the master keys" in lost.output) == (1, True)


async def test_keys_trust_adds_a_key_and_refuses_what_is_none(environment, brand, tmp_path):  # noqa: F811
    file = tmp_path / "key.pem"
    file.write_text(new_key()[1])
    shown = await run("keys", "trust", brand.view.code, "PUB_KEY_ID_NEXT", str(file))
    assert (shown.exit_code, "PUB_KEY_ID_NEXT" in shown.output) == (0, True)
    file.write_text("secret-canary")
    refused = await run("keys", "trust", brand.view.code, "PUB_KEY_ID_BAD", str(file))
    assert (refused.exit_code, "PUB_KEY_ID_BAD" in refused.output) == (1, True)
    assert "canary" not in refused.output


async def test_keys_certificates_trusts_the_ones_that_wechat_lists(environment, brand, control):  # noqa: F811
    environment.setenv("WECHAT_PAY_URL", control.url)
    shown = await run("keys", "certificates", brand.view.code)
    assert shown.exit_code == 0, shown.output
    assert "1 new, 0 ended" in shown.output
    assert "0 new" in (await run("keys", "certificates", brand.view.code)).output


async def test_keys_merchant_replaces_key_and_serial_together(environment, brand, tmp_path):  # noqa: F811
    file, (private, _) = tmp_path / "apiclient_key.pem", new_key()
    file.write_text(private)
    shown = await run("keys", "merchant", brand.view.code, "ABCDEF0123456789", str(file))
    assert (shown.exit_code, "ABCDEF0123456789" in shown.output) == (0, True), shown.output
    async with brand.tenant.reading() as db:
        kept = await merchant_secrets(db, brand.merchant.id, keys=brand.keys)
    assert (kept.private_key, kept.certificate_serial) == (private, "ABCDEF0123456789")
    refused = await run("keys", "merchant", brand.view.code, "no serial", str(file))
    assert (refused.exit_code, "merchant.certificateSerial" in refused.output) == (1, True)


async def test_keys_api_v3_keeps_the_earlier_key_for_what_it_sealed(environment, brand):  # noqa: F811
    async with brand.tenant.reading() as db:
        before = (await merchant_secrets(db, brand.merchant.id, keys=brand.keys)).api_v3_key
    shown = await run("keys", "api-v3", brand.view.code, "--key", "n" * 32)
    assert (shown.exit_code, "n" * 32 in shown.output) == (0, False), shown.output
    async with brand.tenant.reading() as db:
        kept = await merchant_secrets(db, brand.merchant.id, keys=brand.keys)
    assert (kept.api_v3_key, kept.earlier_api_v3_keys) == ("n" * 32, [before])
    refused = await run("keys", "api-v3", brand.view.code, "--key", "short-canary")
    assert (refused.exit_code, "canary" in refused.output) == (1, False)


@pytest.mark.parametrize("command", [["rotate"], ["certificates", "x"], ["api-v3", "x", "--key", "k"]])
async def test_keys_commands_find_an_up_by_its_data_folder(environment, tmp_path, command):  # noqa: F811
    environment.delenv("DATABASE_URL")
    shown = await run("keys", *command, "--data", str(tmp_path))
    assert shown.exit_code == 1
    assert "--data" in shown.output, "it looked there, and says that no `up` runs on it"


async def test_an_unknown_brand_or_merchant_is_named_as_such(environment, brand):  # noqa: F811
    nobody = await run("keys", "certificates", "nobody")
    unknown = await run("keys", "certificates", brand.view.code, "--merchant", "1999999999")
    assert (nobody.exit_code, unknown.exit_code) == (1, 1)
    assert nobody.output != unknown.output
