"""Following WeChat's platform certificates: downloaded, trusted beside the old ones, and those that ended dropped.

A flow of its own: reads, calls, writes. WeChat Pay's public keys have no call; `storefront keys trust` adds them by hand.
"""

from datetime import datetime, timedelta

import msgspec

from orders.ports import Refused, Unknown
from storefront.adapters.wechat_pay.certificates import PlatformCertificate
from storefront.adapters.wechat_pay.client import WechatPayChannel
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import TenantScope
from tenants.merchant_keys import trust_keys

KEPT_AFTER_ITS_END = timedelta(days=1)
"""An ended certificate is kept this long: what it signed just before its end may still be on its way."""


class Renewed(msgspec.Struct, frozen=True):
    """What WeChat lists, and what changed with us. A merchant on the public key alone is listed none."""

    listed: list[PlatformCertificate]
    added: list[str] = []
    dropped: list[str] = []


async def renew_certificates(
    tenant: TenantScope,
    merchant_id: MerchantId,
    *,
    channel: WechatPayChannel,
    keys: KeyRing,
    now: datetime,
    actor: str,
) -> Renewed | Refused | Unknown:
    """Trust what WeChat lists beside what is trusted now; writes only where something changed."""
    listed = await channel.certificates.download()
    if isinstance(listed, Refused | Unknown) or not listed:
        return listed if isinstance(listed, Refused | Unknown) else Renewed([])
    known = channel.trusted_keys()
    ended = [each.serial for each in known if each.ends_at and each.ends_at < now - KEPT_AFTER_ITS_END]
    have = {each.serial for each in known}
    added = {each.serial: each.pem for each in listed if each.serial not in have}
    if added or ended:
        async with tenant.writing() as db:
            await trust_keys(db, merchant_id, added=added, dropped=ended, keys=keys, now=now, actor=actor)
    return Renewed(listed, added=list(added), dropped=ended)
