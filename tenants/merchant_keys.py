"""Change a merchant's keys while it trades: WeChat's keys and APIv3 keys overlap, its own key and serial change in one step.

Each verb locks the envelope, so that two changes at once both take effect; the next call of any process uses what is stored.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import select

from tenants.audit import record_deed
from tenants.commands import MerchantKeys, PartnerAccount, ProviderKeys, SpeakThrough
from tenants.credentials import MerchantEnvelope, PaymentPartner, keep_secret, merchant_credential
from tenants.errors import MerchantKeyUnreadable, MerchantNotFound, MerchantNotReady, PartnerAppidForeign
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import Reading, Writing
from tenants.models import Credential
from tenants.queries import find_tenant, merchants
from tenants.views import MerchantView

API_V3_KEY_LENGTH = 32
SERIAL = re.compile(r"[0-9A-F]{8,64}")
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
    if not SERIAL.fullmatch(certificate_serial):
        raise MerchantKeyUnreadable(
            details={"merchant.certificateSerial": "not 8 to 64 capital hexadecimal digits"}
        )

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
    db: Writing, command: SpeakThrough, *, keys: KeyRing, now: datetime, actor: str
) -> MerchantView:
    """Let a service provider speak for a merchant, with keys that are then the provider's; None: the merchant itself.

    Raises MerchantNotFound, MerchantNotReady, MerchantKeyUnreadable, PartnerAppidForeign.
    """
    merchant = await _named(db, command.merchant_no)
    await check_partner(db, command.partner)
    if command.keys is not None:
        check_keys(command.keys)

    def change(kept: MerchantEnvelope) -> MerchantEnvelope:
        changed = msgspec.structs.replace(kept, partner=partner_of(command.partner))
        if command.keys is None:
            return changed
        # Earlier keys go: they were somebody else's, and open nothing that is sealed for this one.
        return msgspec.structs.replace(
            changed, earlier_api_v3_keys=[], **msgspec.structs.asdict(command.keys)
        )

    await _change(db, merchant.id, change, keys=keys, now=now)
    reason = command.partner.merchant_no if command.partner else None
    await record_deed(db, actor=actor, action="speak_through", subject_id=merchant.id, now=now, reason=reason)
    return merchant


def partner_of(account: PartnerAccount | None) -> PaymentPartner | None:
    """The provider as it is kept beside the keys."""
    return None if account is None else PaymentPartner(**msgspec.structs.asdict(account))


async def check_partner(db: Reading, account: PartnerAccount | None) -> None:
    """Refuse a provider under which shoppers would have openids that their own mini-program does not know."""
    if account is not None and (account.sub_appid or account.appid) != (await find_tenant(db)).appid:
        raise PartnerAppidForeign(details={"partner.subAppid": "not the brand's mini-program"})


def check_keys(command: MerchantKeys | ProviderKeys) -> None:
    """Refuse keys that are no PEM of the right kind, naming the field."""
    _check_private(command.private_key)
    for serial, pem in command.wechat_public_keys.items():
        _check_public(pem, serial=serial)


async def _named(db: Reading, merchant_no: str | None) -> MerchantView:
    for each in await merchants(db):
        if merchant_no in {None, each.merchant_no}:
            return each
    raise MerchantNotFound(merchant_no=merchant_no)


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
