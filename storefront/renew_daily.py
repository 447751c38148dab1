"""A day began: WeChat's platform certificates are renewed for every merchant that is verified by them."""

from datetime import datetime

from storefront.adapters.wechat_pay.keys import PUBLIC_KEY_PREFIX, TrustedKey
from storefront.certificates import renew_certificates
from storefront.channels import WechatPayChannels
from tenants.events import DayBegan
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import TenantScope
from tenants.queries import merchants


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
            await renew_certificates(tenant, merchant.id, channel=channel, keys=keys, now=now)


def _lives_on_certificates(trusted: list[TrustedKey]) -> bool:
    """Whether any key is a certificate's. Who trusts nothing yet is set up by hand, with `storefront keys`."""
    return any(not each.serial.startswith(PUBLIC_KEY_PREFIX) for each in trusted)
