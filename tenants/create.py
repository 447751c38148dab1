"""Open a brand's isolated space: the tenant, its entries in the directory, its payee merchant, its secrets."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.commands import CreateTenant, MerchantKeys
from tenants.connect import connect_push, connect_wecom
from tenants.credentials import APP_SECRET, MerchantEnvelope, keep_secret, merchant_credential
from tenants.errors import AppidTaken, TenantCodeTaken, TimeZoneUnknown
from tenants.kernel.encryption import KeyRing
from tenants.kernel.errors import Broken
from tenants.kernel.ids import MerchantId, OrganisationId, new_id, random_code
from tenants.kernel.money import Bps
from tenants.kernel.scope import Writing
from tenants.merchant_keys import check_keys, check_partner, partner_of
from tenants.models import DirectoryKind, Merchant, Tenant, TenantDirectory
from tenants.queries import find_tenant
from tenants.views import MerchantView, TenantView

PUBLIC_CODE_LENGTH = 5
CALLBACK_KEY_LENGTH = 32


class PublicCodesExhausted(Broken):
    """No free public code was found."""

    zh = "没有可用的公开代码"


async def create_tenant(db: Writing, command: CreateTenant, *, now: datetime, keys: KeyRing) -> TenantView:
    """Create the tenant that this transaction is bound to (a fresh id); refuses a code or appid that is taken."""
    check_time_zone(command.time_zone)
    if not await _enter(db, DirectoryKind.CODE, command.code):
        raise TenantCodeTaken(code=command.code)
    if not await _enter(db, DirectoryKind.APPID, command.appid):
        raise AppidTaken(appid=command.appid)
    callback_key = random_code(CALLBACK_KEY_LENGTH)
    await _enter(db, DirectoryKind.CALLBACK, callback_key)
    await db.execute(
        insert(Tenant).values(
            tenant_id=db.tenant_id,
            org_id=command.org_id or OrganisationId(new_id()),
            code=command.code,
            public_code=await _public_code(db),
            callback_key=callback_key,
            name=command.name,
            appid=command.appid,
            time_zone=command.time_zone,
            platform_fee_bps=command.platform_fee_bps,
            settings={},
            created_at=now,
        )
    )
    await keep_secret(db, name=APP_SECRET, secret=command.app_secret.encode(), keys=keys, now=now)
    await add_merchant(db, command.merchant, is_default=True, now=now, keys=keys)
    if command.wecom is not None:
        await connect_wecom(db, command.wecom, keys=keys, now=now)
    if command.push is not None:
        await connect_push(db, command.push, keys=keys, now=now)
    return await find_tenant(db)


async def add_merchant(
    db: Writing, command: MerchantKeys, *, is_default: bool, now: datetime, keys: KeyRing
) -> MerchantView:
    """Add a merchant number with its keys, sealed; refuses keys that are no PEM, and a partner with a foreign app."""
    check_keys(command)
    await check_partner(db, command.partner)
    merchant_id = MerchantId(new_id())
    await db.execute(
        insert(Merchant).values(
            tenant_id=db.tenant_id,
            id=merchant_id,
            merchant_no=command.merchant_no,
            legal_name=command.legal_name,
            certificate_serial=command.certificate_serial,
            fee_bps=command.fee_bps,
            is_default=is_default,
            created_at=now,
        )
    )
    envelope = MerchantEnvelope(
        private_key=command.private_key,
        api_v3_key=command.api_v3_key,
        wechat_public_keys=command.wechat_public_keys,
        partner=partner_of(command.partner),
    )
    await keep_secret(
        db, name=merchant_credential(merchant_id), secret=msgspec.json.encode(envelope), keys=keys, now=now
    )
    return MerchantView(
        id=merchant_id,
        merchant_no=command.merchant_no,
        legal_name=command.legal_name,
        certificate_serial=command.certificate_serial,
        fee_bps=Bps(command.fee_bps),
        is_default=is_default,
    )


def check_time_zone(name: str) -> None:
    """Refuse a time zone that does not exist."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(details={"timeZone": name}) from error


async def _public_code(db: Writing) -> str:
    # 62^5 codes: a clash is rare, and the directory's key decides it, not a look before.
    for _ in range(8):
        code = random_code(PUBLIC_CODE_LENGTH)
        if await _enter(db, DirectoryKind.PUBLIC, code):
            return code
    raise PublicCodesExhausted


async def _enter(db: Writing, kind: DirectoryKind, key: str) -> bool:
    row = upsert(TenantDirectory).values(kind=kind, key=key, tenant_id=UUID(str(db.tenant_id)))
    entered = await db.execute(row.on_conflict_do_nothing().returning(TenantDirectory.key))
    return entered.scalar_one_or_none() is not None
