"""The worker renews WeChat's platform certificates every day: while WeChat rotates, both kinds of verifier hold, and nothing is interrupted."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import text

from orders.ports import Unknown
from storefront import daily
from storefront.adapters.wechat_pay.certificates import Certificates
from storefront.certificates import renew_daily
from storefront.channels import WechatPayChannels
from storefront.daily import begin_day, begin_day_everywhere
from storefront.errors import CertificatesNotRenewed
from storefront.wiring import wire
from storefront.worker import Worker
from tenants.credentials import merchant_secrets
from tenants.events import DayBegan
from tenants.merchant_keys import trust_keys
from tests.storefront.adapters.conftest import control
from tests.storefront.simulators.till import _keys_made_once, http, merchant_key, wechat_keys
from tests.support.rows import events, value
from tests.support.trading import open_trading

__all__ = ["_keys_made_once", "control", "http", "merchant_key", "wechat_keys"]

ACTOR = "system:test"
TODAY = DayBegan(on=datetime(2026, 11, 21, tzinfo=UTC).date())


@pytest.fixture
async def trading(database, settings, keys, control, http, merchant_key):
    """A brand at this module's simulator, whose certificates nobody else looks at."""
    at_simulator = msgspec.structs.replace(
        settings, wechat_pay_url=control.url, storefront_public_url="http://127.0.0.1:9"
    )
    channels = WechatPayChannels(http, settings=at_simulator, keys=keys, clock=lambda: datetime.now(UTC))
    return await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)


async def trusted(trading, keys):
    async with trading.tenant.reading() as db:
        return dict((await merchant_secrets(db, None, keys=keys)).wechat_public_keys)


async def trust(trading, keys, *, added, dropped=()):
    merchant_id = await value(trading.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
    async with trading.tenant.writing() as db:
        await trust_keys(
            db, merchant_id, added=added, dropped=dropped, keys=keys, now=datetime.now(UTC), actor=ACTOR
        )


async def on_certificates(trading, keys, *, beside_public_key: bool):
    """A merchant of before the public key, or in the middle of the move to it."""
    registered = await trading.control.register_merchant(
        mchid=trading.mchid, appid=trading.appid, **await own_side(trading, keys)
    )
    public = list(await trusted(trading, keys))
    added = {registered.certificate_serial: registered.certificate}
    await trust(trading, keys, added=added, dropped=() if beside_public_key else public)
    return registered.certificate_serial


async def own_side(trading, keys):
    async with trading.tenant.reading() as db:
        secrets = await merchant_secrets(db, None, keys=keys)
    public = load_pem_private_key(secrets.private_key.encode(), None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        "public_key": pem,
        "certificate_serial": secrets.certificate_serial,
        "api_v3_key": secrets.api_v3_key,
    }


async def is_verified(trading):
    """Whether an answer of WeChat's is believed."""
    merchant_id = await value(trading.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
    channel = await trading.channels.channel(trading.tenant, merchant_id)
    return not isinstance(await channel.look_up("P-1234567890"), Unknown)


async def renew(trading, keys):
    await renew_daily(trading.tenant, TODAY, channels=trading.channels, keys=keys, now=datetime.now(UTC))


@pytest.mark.parametrize("beside_public_key", [False, True])
async def test_a_rotation_interrupts_nothing_when_it_is_looked_for_daily(trading, keys, beside_public_key):
    old = await on_certificates(trading, keys, beside_public_key=beside_public_key)
    assert await is_verified(trading)
    rotated = await trading.control.command("certificates/rotate", signs_after_seconds=3_600)
    await renew(trading, keys)
    assert {old, rotated["certificateSerial"]} <= set(await trusted(trading, keys))
    assert await is_verified(trading)
    await trading.control.advance(3_700)
    assert await is_verified(trading), "the new one signs now"
    order = await trading.place(now=await trading.control.advance(0))
    assert (await trading.prepare(order.id, now=await trading.control.advance(0))).parameters is not None


async def test_who_does_not_look_believes_nobody_after_the_rotation(trading, keys):
    """The control."""
    await on_certificates(trading, keys, beside_public_key=False)
    await trading.control.command("certificates/rotate", signs_after_seconds=0)
    assert not await is_verified(trading)
    await renew(trading, keys)
    assert await is_verified(trading), "a look afterwards mends it: the seal proves the new one"


async def test_a_merchant_of_the_public_key_alone_asks_for_no_certificates(trading, keys, monkeypatch):
    async def unwanted(_certificates):
        raise AssertionError

    monkeypatch.setattr(Certificates, "download", unwanted)
    before = await trusted(trading, keys)
    await renew(trading, keys)
    assert await trusted(trading, keys) == before


async def test_when_wechat_does_not_answer_it_is_tried_again_and_nothing_is_dropped(
    trading, keys, monkeypatch
):
    async def silent(_certificates):
        return Unknown("no answer")

    await on_certificates(trading, keys, beside_public_key=False)
    before = await trusted(trading, keys)
    monkeypatch.setattr(Certificates, "download", silent)
    with pytest.raises(CertificatesNotRenewed):
        await renew(trading, keys)
    assert await trusted(trading, keys) == before


@pytest.fixture
def only_ours(trading, monkeypatch):
    """Other tests' brands live in the same database, and would find a day's work to do."""

    async def ours(_db):
        return [("ours", trading.tenant.tenant_id)]

    monkeypatch.setattr(daily, "every_tenant", ours)


@pytest.mark.usefixtures("only_ours")
async def test_a_day_begins_once_for_a_tenant_however_many_workers_say_so(trading, database):
    now = datetime.now(UTC)
    for moment in (now, now, now + timedelta(minutes=1)):
        assert await begin_day_everywhere(database, now=moment) == 1
    assert len(await events(trading.tenant, "DayBegan")) == 1
    await begin_day(trading.tenant, now=now + timedelta(days=1), due_at=now)
    assert len(await events(trading.tenant, "DayBegan")) == 2


@pytest.mark.usefixtures("only_ours")
async def test_the_worker_renews_when_a_day_begins(trading, keys, settings, worker_database, redis, control):
    await on_certificates(trading, keys, beside_public_key=False)
    rotated = await trading.control.command("certificates/rotate", signs_after_seconds=3_600)
    here = msgspec.structs.replace(
        settings, wechat_pay_url=control.url, storefront_public_url="http://127.0.0.1:9"
    )
    wiring = wire(here, database=worker_database, redis=redis)
    worker = Worker(wiring)
    await worker._begin_day()
    assert worker._begun_on == datetime.now(UTC).date()
    async with trading.tenant.writing() as db:
        due = "UPDATE app.outbox SET due_at = :now WHERE tenant_id = :t AND kind = 'DayBegan'"
        await db.execute(text(due), {"t": db.tenant_id, "now": datetime.now(UTC)})
    await worker._work_for(worker_database.tenant(trading.tenant.tenant_id))
    await wiring.http.aclose()
    assert rotated["certificateSerial"] in await trusted(trading, keys)
