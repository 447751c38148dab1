"""Connecting a brand with its vendors after it was opened: who speaks for its merchant, its corp in WeCom, its message push.

One transaction for everything that is given; secrets are sealed at once. What comes back are the addresses that belong into the
vendors' consoles: each names the brand by its unguessable part.
"""

from datetime import datetime

import msgspec

from storefront.channels import CALLBACK_PATH, PUSH_PATH, WECOM_PATH
from storefront.settings import Settings
from tenants.audit import record_deed
from tenants.commands import ConnectPush, ConnectWecom, SpeakThrough
from tenants.connect import connect_push, connect_wecom
from tenants.kernel.scope import TenantScope
from tenants.merchant_keys import speak_through
from tenants.queries import callback_key


class Connections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to connect; a part that is left out stays as it is."""

    speak: SpeakThrough | None = None
    wecom: ConnectWecom | None = None
    push: ConnectPush | None = None


class CallbackAddresses(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the vendors call the brand back; keep them to the vendors' consoles."""

    wechat_pay: str
    """Told to WeChat Pay with every payment; nothing has to be entered."""
    wecom: str
    """企业微信管理后台 > 客户联系 > 接收事件服务器."""
    push: str
    """微信公众平台 > 开发管理 > 消息推送."""


async def connect_brand(
    tenant: TenantScope, command: Connections, *, settings: Settings, actor: str, now: datetime
) -> CallbackAddresses:
    """Connect what is given; raises TenantNotFound, MerchantNotFound, MerchantKeyUnreadable, PartnerAppidForeign."""
    keys = settings.key_ring()
    async with tenant.writing() as db:
        key = await callback_key(db)
        if command.speak is not None:
            await speak_through(db, command.speak, keys=keys, now=now, actor=actor)
        if command.wecom is not None:
            await connect_wecom(db, command.wecom, keys=keys, now=now)
            await record_deed(db, actor=actor, action="connect_wecom", subject_id=db.tenant_id, now=now)
        if command.push is not None:
            await connect_push(db, command.push, keys=keys, now=now)
            await record_deed(db, actor=actor, action="connect_push", subject_id=db.tenant_id, now=now)
    base = settings.public_url()
    return CallbackAddresses(
        wechat_pay=f"{base}{CALLBACK_PATH}/{key}",
        wecom=f"{base}{WECOM_PATH}/{key}",
        push=f"{base}{PUSH_PATH}/{key}",
    )
