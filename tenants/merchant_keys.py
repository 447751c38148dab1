"""Change a merchant's keys while it trades: WeChat's keys and APIv3 keys overlap, its own key and serial change in one step.

Each verb locks the envelope, so that two changes at once both take effect; the next call of any process uses what is stored.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import select

from tenants.audit import record_deed
from tenants.credentials import MerchantEnvelope, PaymentPartner, keep_secret, merchant_credential
from tenants.errors import MerchantKeyUnreadable, MerchantNotReady
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import Writing
from tenants.models import Credential

API_V3_KEY_LENGTH = 32
EARLIER_KEPT = 2
"""Callbacks are repeated for a day after they were sealed; more than two changes within a day are a mistake."""


async def trust_keys(
    db: Writing,
    merchant_id: MerchantId,
    *,
    added: Mapping[str, str],
    dropped: Collection[str] = (),
    keys: KeyRing,
    now: datetime,
    actor: str,
) -> list[str]:
    """Trust more of WeChat's keys (serial -> PEM) beside the present ones, drop some, and say which are trusted then."""
    for serial, pem in added.items():
        _check_public(pem, serial=serial)

    def change(kept: MerchantEnvelope) -> MerchantEnvelope:
        # Added ones go last: requests name the newest public key.
        left = {
            serial: pem
            for serial, pem in kept.wechat_public_keys.items()
            if serial not in added and serial not in dropped
        }
        return msgspec.structs.replace(kept, wechat_public_keys=left | dict(added))

    changed = await _change(db, merchant_id, change, keys=keys, now=now)
    await record_deed(
        db,
        actor=actor,
        action="trust_keys",
        subject_id=merchant_id,
        now=now,
        reason=f"added {sorted(added)}, dropped {sorted(dropped)}",
    )
    return list(changed.wechat_public_keys)


async def replace_merchant_key(
    db: Writing,
    merchant_id: MerchantId,
    *,
    private_key: str,
    certificate_serial: str,
    keys: KeyRing,
    now: datetime,
    actor: str,
) -> None:
    """Sign with another key and serial from now on; WeChat takes both while both certificates are valid."""
    _check_private(private_key)

    def change(kept: MerchantEnvelope) -> MerchantEnvelope:
        return msgspec.structs.replace(kept, private_key=private_key, certificate_serial=certificate_serial)

    await _change(db, merchant_id, change, keys=keys, now=now)
    await record_deed(
        db,
        actor=actor,
        action="replace_merchant_key",
        subject_id=merchant_id,
        now=now,
        reason=certificate_serial,
    )


async def replace_api_v3_key(
    db: Writing, merchant_id: MerchantId, *, api_v3_key: str, keys: KeyRing, now: datetime, actor: str
) -> None:
    """Open sealed messages with another key, and with the earlier ones while messages sealed under them are still repeated."""
    if len(api_v3_key) != API_V3_KEY_LENGTH or not api_v3_key.isascii():
        raise MerchantKeyUnreadable(details={"merchant.apiV3Key": "not 32 visible ASCII characters"})

    def change(kept: MerchantEnvelope) -> MerchantEnvelope:
        if kept.api_v3_key == api_v3_key:
            return kept
        earlier = [kept.api_v3_key, *(key for key in kept.earlier_api_v3_keys if key != api_v3_key)]
        return msgspec.structs.replace(
            kept, api_v3_key=api_v3_key, earlier_api_v3_keys=earlier[:EARLIER_KEPT]
        )

    await _change(db, merchant_id, change, keys=keys, now=now)
    await record_deed(db, actor=actor, action="replace_api_v3_key", subject_id=merchant_id, now=now)


async def speak_through(
    db: Writing,
    merchant_id: MerchantId,
    *,
    partner: PaymentPartner | None,
    keys: KeyRing,
    now: datetime,
    actor: str,
) -> None:
    """Let a service provider speak for the merchant with the keys kept here, which are then the provider's; None: itself."""

    def change(kept: MerchantEnvelope) -> MerchantEnvelope:
        return msgspec.structs.replace(kept, partner=partner)

    await _change(db, merchant_id, change, keys=keys, now=now)
    await record_deed(
        db,
        actor=actor,
        action="speak_through",
        subject_id=merchant_id,
        now=now,
        reason=partner.merchant_no if partner else None,
    )


async def _change(
    db: Writing,
    merchant_id: MerchantId,
    change: Callable[[MerchantEnvelope], MerchantEnvelope],
    *,
    keys: KeyRing,
    now: datetime,
) -> MerchantEnvelope:
    name = merchant_credential(merchant_id)
    statement = (
        select(Credential.envelope)
        .where(Credential.tenant_id == db.tenant_id, Credential.name == name)
        .with_for_update()
    )
    envelope = (await db.execute(statement)).scalar_one_or_none()
    if envelope is None:
        raise MerchantNotReady(merchant_id=merchant_id)
    opened = keys.unseal(envelope, tenant_id=db.tenant_id, column=f"credentials.{name}")
    changed = change(msgspec.json.decode(opened, type=MerchantEnvelope))
    await keep_secret(db, name=name, secret=msgspec.json.encode(changed), keys=keys, now=now)
    return changed


def _check_private(pem: str) -> None:
    try:
        readable = isinstance(load_pem_private_key(pem.encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError):
        readable = False
    if not readable:
        raise MerchantKeyUnreadable(details={"merchant.privateKey": "not an unencrypted PEM RSA key"})


def _check_public(pem: str, *, serial: str) -> None:
    raw = pem.encode()
    try:
        key = (
            load_pem_x509_certificate(raw).public_key()
            if b"BEGIN CERTIFICATE" in raw
            else load_pem_public_key(raw)
        )
        readable = isinstance(key, RSAPublicKey)
    except ValueError:
        readable = False
    if not readable:
        raise MerchantKeyUnreadable(
            details={f"merchant.wechatPublicKeys.{serial}": "not a PEM public key or certificate (RSA)"}
        )
