"""A tenant's secrets, sealed in envelopes: kept and opened here, shown to nobody.

The names are a closed list; the master keys come from the roof as a key ring.
"""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.errors import MerchantNotReady
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import Reading, Writing
from tenants.models import Credential, Merchant, Tenant

WECOM = "wecom"
PUSH = "wechat_push"
APP_SECRET = "wechat_app_secret"  # noqa: S105 the name of a credential, not one


class PaymentPartner(msgspec.Struct, frozen=True, kw_only=True):
    """服务商: who speaks for a merchant that has no keys of its own. `sub_appid` is the merchant's own mini-program, if it has one."""

    merchant_no: str
    appid: str
    sub_appid: str | None = None
    brand_merchant_no: str | None = None
    """The chain's brand: then splitting goes by the chain's product."""


class MerchantSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a payment channel needs to speak for a merchant; with a service provider the keys are the provider's."""

    merchant_no: str
    appid: str
    callback_key: str
    certificate_serial: str
    private_key: str
    api_v3_key: str
    wechat_public_keys: dict[str, str]
    earlier_api_v3_keys: list[str] = []
    partner: PaymentPartner | None = None

    def __repr__(self) -> str:
        """Name the merchant and nothing that is secret."""
        return f"MerchantSecrets({self.merchant_no})"


class MerchantEnvelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a merchant's envelope holds. The serial stands beside the key it belongs to, so that both change at once."""

    private_key: str
    api_v3_key: str
    wechat_public_keys: dict[str, str] = {}
    certificate_serial: str | None = None
    """None: the merchant row's, from before the key was first replaced."""
    earlier_api_v3_keys: list[str] = []
    partner: PaymentPartner | None = None

    def __repr__(self) -> str:
        """Show nothing."""
        return "MerchantEnvelope()"


class WecomSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """A corp in WeCom: the secret of the application that looks after contacts, and what the callback address is configured with."""

    corp_id: str
    contact_secret: str
    callback_token: str
    encoding_aes_key: str

    def __repr__(self) -> str:
        """Name the corp and nothing that is secret."""
        return f"WecomSecrets({self.corp_id})"


class PushSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What the mini-program's message push is configured with; without a key its messages come in plain text."""

    token: str
    encoding_aes_key: str | None = None

    def __repr__(self) -> str:
        """Show nothing."""
        return "PushSecrets()"


def merchant_credential(merchant_id: MerchantId) -> str:
    """The name under which a merchant's keys are kept."""
    return f"merchant:{merchant_id}"


async def keep_secret(db: Writing, *, name: str, secret: bytes, keys: KeyRing, now: datetime) -> None:
    """Seal a secret and keep it, replacing an earlier one of the same name."""
    envelope = keys.seal(secret, tenant_id=db.tenant_id, column=f"credentials.{name}")
    row = upsert(Credential).values(tenant_id=db.tenant_id, name=name, envelope=envelope, updated_at=now)
    await db.execute(
        row.on_conflict_do_update(
            index_elements=[Credential.tenant_id, Credential.name],
            set_={"envelope": row.excluded.envelope, "updated_at": row.excluded.updated_at},
        )
    )


async def open_secret(db: Reading, *, name: str, keys: KeyRing) -> bytes | None:
    """Open a kept secret; None when there is none of that name."""
    statement = select(Credential.envelope).where(
        Credential.tenant_id == db.tenant_id, Credential.name == name
    )
    envelope = (await db.execute(statement)).scalar_one_or_none()
    if envelope is None:
        return None
    return keys.unseal(envelope, tenant_id=db.tenant_id, column=f"credentials.{name}")


async def app_identity(db: Reading, *, keys: KeyRing) -> tuple[str, str]:
    """The mini-program's appid and secret; MerchantNotReady when the secret is missing."""
    appid = (await db.execute(select(Tenant.appid).where(Tenant.tenant_id == db.tenant_id))).scalar_one()
    secret = await open_secret(db, name=APP_SECRET, keys=keys)
    if secret is None:
        raise MerchantNotReady(missing=APP_SECRET)
    return appid, secret.decode()


async def keep_wecom(db: Writing, corp: WecomSecrets, *, keys: KeyRing, now: datetime) -> None:
    """Keep (or replace) the tenant's corp."""
    await keep_secret(db, name=WECOM, secret=msgspec.json.encode(corp), keys=keys, now=now)


async def wecom_secrets(db: Reading, *, keys: KeyRing) -> WecomSecrets:
    """The tenant's corp; MerchantNotReady when none is set up."""
    kept = await open_secret(db, name=WECOM, keys=keys)
    if kept is None:
        raise MerchantNotReady(missing=WECOM)
    return msgspec.json.decode(kept, type=WecomSecrets)


async def keep_push(db: Writing, push: PushSecrets, *, keys: KeyRing, now: datetime) -> None:
    """Keep (or replace) what the mini-program's message push is configured with."""
    await keep_secret(db, name=PUSH, secret=msgspec.json.encode(push), keys=keys, now=now)


async def push_secrets(db: Reading, *, keys: KeyRing) -> tuple[str, PushSecrets]:
    """The mini-program's appid, and what its message push is configured with; MerchantNotReady when it is not."""
    appid = (await db.execute(select(Tenant.appid).where(Tenant.tenant_id == db.tenant_id))).scalar_one()
    kept = await open_secret(db, name=PUSH, keys=keys)
    if kept is None:
        raise MerchantNotReady(missing=PUSH)
    return appid, msgspec.json.decode(kept, type=PushSecrets)


async def merchant_secrets(db: Reading, merchant_id: MerchantId | None, *, keys: KeyRing) -> MerchantSecrets:
    """A merchant's keys (the tenant's default merchant when none is named); MerchantNotReady when something is missing."""
    chosen = Merchant.is_default if merchant_id is None else Merchant.id == merchant_id
    statement = (
        select(
            Merchant.id, Merchant.merchant_no, Merchant.certificate_serial, Tenant.appid, Tenant.callback_key
        )
        .join(Tenant, Tenant.tenant_id == Merchant.tenant_id)
        .where(Merchant.tenant_id == db.tenant_id, Tenant.tenant_id == db.tenant_id, chosen)
    )
    row = (await db.execute(statement)).one_or_none()
    sealed = None if row is None else await open_secret(db, name=merchant_credential(row.id), keys=keys)
    if row is None or sealed is None:
        raise MerchantNotReady(merchant_id=merchant_id)
    kept = msgspec.json.decode(sealed, type=MerchantEnvelope)
    return MerchantSecrets(
        merchant_no=row.merchant_no,
        appid=row.appid,
        callback_key=row.callback_key,
        certificate_serial=kept.certificate_serial or row.certificate_serial,
        private_key=kept.private_key,
        api_v3_key=kept.api_v3_key,
        wechat_public_keys=kept.wechat_public_keys,
        earlier_api_v3_keys=kept.earlier_api_v3_keys,
        partner=kept.partner,
    )
