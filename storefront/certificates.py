"""Renewing WeChat's platform certificates: download what is listed, trust what is new beside the old, drop what has ended.

A flow: read, call, write. WeChat lists a new certificate days before it signs with it, so looking once a day is early enough; public
keys do not end and are left alone.
"""

from datetime import datetime, timedelta

import msgspec

from orders.ports import Refused, Unknown
from storefront.adapters.wechat_pay.certificates import PlatformCertificate
from storefront.adapters.wechat_pay.keys import PUBLIC_KEY_PREFIX, TrustedKey
from storefront.channels import WechatPayChannels
from storefront.errors import CertificatesNotRenewed
from tenants.events import DayBegan
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import TenantScope
from tenants.merchant_keys import trust_keys
from tenants.queries import merchants

ACTOR = "system:certificates"
KEPT_AFTER_END = timedelta(days=1)
"""An ended certificate is kept this long: what it signed just before its end may still be on its way."""


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal came to; nothing listed means a merchant of the public key alone."""

    added: int
    dropped: int
    listed: list[PlatformCertificate]


async def renew_certificates(
    tenant: TenantScope,
    merchant_id: MerchantId,
    *,
    channels: WechatPayChannels,
    keys: KeyRing,
    now: datetime,
    actor: str = ACTOR,
) -> Renewed:
    """Renew a merchant's platform certificates; raises CertificatesNotRenewed when WeChat gives none, MerchantNotReady."""
    channel = await channels.channel(tenant, merchant_id)
    listed = await channel.certificates.download()
    if isinstance(listed, Refused | Unknown):
        reason = listed.code if isinstance(listed, Refused) else listed.reason
        raise CertificatesNotRenewed(details={"wechat": reason}, merchant_id=merchant_id)
    known = channel.trusted_keys()
    ended = [each.serial for each in known if each.ends_at and each.ends_at < now - KEPT_AFTER_END]
    have = {each.serial for each in known}
    added = {each.serial: each.pem for each in listed if each.serial not in have}
    if added or ended:
        async with tenant.writing() as db:
            await trust_keys(db, merchant_id, added=added, dropped=ended, keys=keys, now=now, actor=actor)
    return Renewed(added=len(added), dropped=len(ended), listed=listed)


async def renew_daily(
    tenant: TenantScope,
    fact: DayBegan,  # noqa: ARG001 that a day began is all it says
    *,
    channels: WechatPayChannels,
    keys: KeyRing,
    now: datetime,
) -> None:
    """A day began: renew the certificates of every merchant that is verified by them."""
    async with tenant.reading() as db:
        known = await merchants(db)
    for merchant in known:
        channel = await channels.channel(tenant, merchant.id)
        if _lives_on_certificates(channel.trusted_keys()):
            await renew_certificates(tenant, merchant.id, channels=channels, keys=keys, now=now)


def _lives_on_certificates(trusted: list[TrustedKey]) -> bool:
    """Whether any key is a certificate's. Who trusts nothing yet is set up by hand, with `storefront keys`."""
    return any(not each.serial.startswith(PUBLIC_KEY_PREFIX) for each in trusted)
