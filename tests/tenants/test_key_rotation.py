"""Master keys rotate under load and repeatably; WeChat's and merchants' keys overlap; an envelope out of place stays shut (P27)."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tenants.commands import PartnerAccount, SpeakThrough
from tenants.credentials import (
    APP_SECRET,
    PaymentPartner,
    WecomSecrets,
    app_identity,
    keep_secret,
    keep_wecom,
    merchant_secrets,
    open_secret,
    wecom_secrets,
)
from tenants.errors import MerchantKeyUnreadable, MerchantNotReady, PartnerAppidForeign
from tenants.kernel.encryption import EnvelopeUnreadable, KeyRing
from tenants.kernel.ids import MerchantId, new_id
from tenants.merchant_keys import replace_api_v3_key, replace_merchant_key, speak_through, trust_keys
from tenants.queries import find_tenant, merchants
from tenants.rotate import rotate_credentials
from tests.support.rows import rows

ACTOR = "system:test"


@pytest.fixture
def next_keys(keys) -> KeyRing:
    """The same ring with a new master key in front."""
    return KeyRing(current="next", keys={"next": b"n" * 32, **keys.keys})


@pytest.fixture
def only_next() -> KeyRing:
    """The ring once the old key is gone."""
    return KeyRing(current="next", keys={"next": b"n" * 32})


@pytest.fixture
async def merchant_id(tenant) -> MerchantId:
    async with tenant.reading() as db:
        return (await merchants(db))[0].id


def public_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


async def test_rotation_re_encrypts_everything_and_a_second_round_nothing(
    tenant, merchant_id, keys, next_keys, only_next, now
):
    async with tenant.writing() as db:
        before = await merchant_secrets(db, merchant_id, keys=keys)
        for number in range(45):
            await keep_secret(db, name=f"more:{number:02d}", secret=b"canary", keys=keys, now=now)
    first = await rotate_credentials(tenant, keys=next_keys)
    second = await rotate_credentials(tenant, keys=next_keys)
    assert (first.changed, first.current, first.unreadable) == (47, 0, [])
    assert (second.changed, second.current) == (0, 47)
    async with tenant.reading() as db:
        assert await merchant_secrets(db, merchant_id, keys=only_next) == before
        assert await open_secret(db, name="more:44", keys=only_next) == b"canary"
        with pytest.raises(EnvelopeUnreadable):
            await app_identity(db, keys=keys)


async def test_rotation_under_load_fails_no_reader_and_loses_no_change(
    tenant, merchant_id, keys, next_keys, only_next
):
    ended = asyncio.Event()
    reads = 0

    async def reading() -> None:
        nonlocal reads
        while not ended.is_set():
            async with tenant.reading() as db:
                await merchant_secrets(db, merchant_id, keys=next_keys)
            reads += 1

    async def changing() -> None:
        for number in range(30):
            async with tenant.writing() as db:
                # A process that has not been restarted yet still seals with the old key.
                ring = keys if number % 2 else next_keys
                secret = f"secret-{number}".encode()
                await keep_secret(db, name="changed", secret=secret, keys=ring, now=datetime.now(UTC))

    readers = [asyncio.create_task(reading()) for _ in range(4)]
    await asyncio.gather(
        changing(), *(rotate_credentials(tenant, keys=next_keys, at_once=1) for _ in range(4))
    )
    await rotate_credentials(tenant, keys=next_keys)
    ended.set()
    await asyncio.gather(*readers)
    assert reads > 4
    async with tenant.reading() as db:
        assert await open_secret(db, name="changed", keys=only_next) == b"secret-29"


async def test_what_no_key_opens_is_named_and_the_rest_goes_on(tenant, next_keys, now):
    foreign = KeyRing(current="lost", keys={"lost": b"l" * 32})
    async with tenant.writing() as db:
        await keep_secret(db, name="aaa", secret=b"x", keys=foreign, now=now)
    done = await rotate_credentials(tenant, keys=next_keys)
    assert (done.unreadable, done.changed) == (["aaa"], 2)


async def test_no_secret_lies_in_the_table_in_the_clear(tenant, keys, now, merchant_id):
    async with tenant.writing() as db:
        await keep_secret(db, name="planted", secret=b"canary-of-the-test", keys=keys, now=now)
    kept = await rows(tenant, "SELECT * FROM app.credentials WHERE tenant_id = :t")
    assert kept
    assert "canary" not in repr(kept)


async def test_an_envelope_moved_to_another_column_or_tenant_stays_shut(tenant, other_tenant, keys, now):
    envelope = keys.seal(b"x", tenant_id=tenant.tenant_id, column="credentials.a")
    for tenant_id, column in ((tenant.tenant_id, "credentials.b"), (other_tenant.tenant_id, "credentials.a")):
        with pytest.raises(EnvelopeUnreadable):
            keys.unseal(envelope, tenant_id=tenant_id, column=column)


async def test_wechats_keys_overlap_until_one_is_dropped(tenant, merchant_id, keys, now):
    pems = {f"PUB_KEY_ID_{number}": public_pem() for number in (1, 2)}
    async with tenant.writing() as db:
        for serial, pem in pems.items():
            await trust_keys(db, merchant_id, added={serial: pem}, keys=keys, now=now, actor=ACTOR)
    async with tenant.reading() as db:
        kept = (await merchant_secrets(db, merchant_id, keys=keys)).wechat_public_keys
    assert list(kept.items())[-2:] == list(pems.items())
    async with tenant.writing() as db:
        left = await trust_keys(
            db, merchant_id, added={}, dropped=["PUB_KEY_ID_1"], keys=keys, now=now, actor=ACTOR
        )
    assert "PUB_KEY_ID_1" not in left


async def test_two_changes_at_once_both_take_effect(tenant, merchant_id, keys, now):
    async def trust(number: int) -> None:
        async with tenant.writing() as db:
            added = {f"PUB_KEY_ID_{number}": pem}
            await trust_keys(db, merchant_id, added=added, keys=keys, now=now, actor=ACTOR)

    pem = public_pem()
    await asyncio.gather(*(trust(number) for number in range(8)))
    async with tenant.reading() as db:
        kept = (await merchant_secrets(db, merchant_id, keys=keys)).wechat_public_keys
    assert {f"PUB_KEY_ID_{number}" for number in range(8)} <= set(kept)


async def test_a_merchants_key_and_serial_change_together(tenant, merchant_id, keys, now, merchant_pem):
    async with tenant.writing() as db:
        await replace_merchant_key(
            db,
            merchant_id,
            private_key=merchant_pem,
            certificate_serial="ABCDEF0123456789",
            keys=keys,
            now=now,
            actor=ACTOR,
        )
    async with tenant.reading() as db:
        secrets = await merchant_secrets(db, merchant_id, keys=keys)
    assert (secrets.private_key, secrets.certificate_serial) == (merchant_pem, "ABCDEF0123456789")


@pytest.fixture
def merchant_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


async def test_earlier_api_keys_are_kept_for_a_while(tenant, merchant_id, keys, now):
    async with tenant.writing() as db:
        first = (await merchant_secrets(db, merchant_id, keys=keys)).api_v3_key
        for letter in "abc":
            await replace_api_v3_key(db, merchant_id, api_v3_key=letter * 32, keys=keys, now=now, actor=ACTOR)
        secrets = await merchant_secrets(db, merchant_id, keys=keys)
    assert (secrets.api_v3_key, secrets.earlier_api_v3_keys) == ("c" * 32, ["b" * 32, "a" * 32])
    assert first not in repr(secrets)


async def test_a_partner_speaks_for_the_merchant_until_it_does_not(tenant, merchant_id, keys, now):
    async with tenant.writing() as db:
        own_app = (await find_tenant(db)).appid
        account = PartnerAccount(merchant_no="1900000001", appid="wxprovider", sub_appid=own_app)
        for partner in (account, None):
            await speak_through(db, SpeakThrough(partner=partner), keys=keys, now=now, actor=ACTOR)
            kept = (await merchant_secrets(db, merchant_id, keys=keys)).partner
            assert kept == (partner and PaymentPartner(**msgspec.structs.asdict(partner)))


async def test_a_partner_under_whose_app_shoppers_are_unknown_is_refused(db, keys, now):
    account = PartnerAccount(merchant_no="1900000001", appid="wxprovider", sub_appid="wxsomebodyelse")
    with pytest.raises(PartnerAppidForeign):
        await speak_through(db, SpeakThrough(partner=account), keys=keys, now=now, actor=ACTOR)


async def test_keys_that_are_none_are_refused_and_not_echoed(db, merchant_id, keys, now):
    with pytest.raises(MerchantKeyUnreadable) as refusal:
        await trust_keys(db, merchant_id, added={"PUB_KEY_ID_9": "canary"}, keys=keys, now=now, actor=ACTOR)
    assert "PUB_KEY_ID_9" in str(refusal.value.details)
    assert "canary" not in f"{refusal.value!r}{refusal.value.details}"
    with pytest.raises(MerchantKeyUnreadable):
        await replace_api_v3_key(db, merchant_id, api_v3_key="canary", keys=keys, now=now, actor=ACTOR)
    with pytest.raises(MerchantNotReady):
        await trust_keys(db, MerchantId(new_id()), added={}, keys=keys, now=now, actor=ACTOR)


async def test_a_corp_is_kept_sealed_and_missing_says_so(db, keys, now):
    with pytest.raises(MerchantNotReady):
        await wecom_secrets(db, keys=keys)
    corp = WecomSecrets(corp_id="ww1", contact_secret="canary", callback_token="t", encoding_aes_key="k")
    await keep_wecom(db, corp, keys=keys, now=now)
    assert await wecom_secrets(db, keys=keys) == corp
    assert "canary" not in repr(corp)
    assert APP_SECRET != "wecom"
