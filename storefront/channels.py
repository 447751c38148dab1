"""The vendors' clients of each tenant, made from that tenant's own credentials: payment channels and the mini-program.

Credentials are read from their envelopes at every use, so that a rotated or added key works at once; only the parsed keys are kept,
because parsing one costs 40 ms, and only while what was read stays the same. How fast a merchant calls, and whether it is held back
because the gateway does not answer it, is kept a merchant, so that one tenant's trouble stays its own. The address that the payment channel calls back names the tenant by an unguessable part, and the merchant.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

import httpx
from redis.asyncio import Redis

from settlement.ports import SplittingChannel
from storefront.adapters.access_tokens import AccessTokenCache
from storefront.adapters.pacing import Pace
from storefront.adapters.wechat_mini.client import WechatMiniLogin
from storefront.adapters.wechat_mini.notify import PushKeys
from storefront.adapters.wechat_mini.platform import MiniProgram
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import MerchantCredentials, SubMerchant
from storefront.adapters.wecom.client import WecomClient
from storefront.adapters.wecom.notify import CorpKeys
from storefront.settings import Settings
from tenants.credentials import (
    MerchantSecrets,
    app_identity,
    merchant_secrets,
    push_secrets,
    wecom_secrets,
)
from tenants.errors import MerchantNotReady
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId, TenantId
from tenants.kernel.scope import TenantScope
from tenants.ports import IdentityProvider
from tenants.queries import merchants

KEPT = 1000
"""Parsed credentials kept by a process."""
CALLBACK_PATH = "/callbacks/wechat-pay"
WECOM_PATH = "/callbacks/wecom"
PUSH_PATH = "/callbacks/wechat-mini"


class WechatPayChannels:
    """`orders.ports.PaymentChannels` over WeChat Pay."""

    def __init__(
        self, http: httpx.AsyncClient, *, settings: Settings, keys: KeyRing, clock: Callable[[], datetime]
    ) -> None:
        """Call WeChat Pay as these settings say; `clock` must agree with the real time."""
        self._http = http
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._paces: OrderedDict[tuple[TenantId, str], Pace] = OrderedDict()
        self._parsed: OrderedDict[tuple[TenantId, str], tuple[MerchantSecrets, MerchantCredentials]] = (
            OrderedDict()
        )

    async def channel(self, tenant: TenantScope, merchant_id: MerchantId) -> WechatPayChannel:
        """Open the merchant's channel; raises MerchantNotReady when credentials are missing."""
        async with tenant.reading() as db:
            secrets = await merchant_secrets(db, merchant_id, keys=self._keys)
        credentials = self._credentials(tenant.tenant_id, secrets)
        return WechatPayChannel(
            credentials,
            self._http,
            base_url=self._settings.wechat_pay_url,
            now=self._clock,
            pace=self._pace(tenant.tenant_id, credentials.payee),
        )

    async def splitting(self, tenant: TenantScope, merchant_id: MerchantId) -> SplittingChannel:
        """Open the merchant's splitting (`settlement.ports.SplittingChannels`); raises MerchantNotReady."""
        return (await self.channel(tenant, merchant_id)).splitting

    async def credentials(self, tenant: TenantScope, *, merchant_no: str | None) -> MerchantCredentials:
        """The keys that verify what WeChat sends to a merchant (the default one when none is named); raises MerchantNotReady."""
        async with tenant.reading() as db:
            known = await merchants(db)
            chosen = next((each for each in known if merchant_no in {None, each.merchant_no}), None)
            if chosen is None:
                raise MerchantNotReady(merchant_no=merchant_no)
            secrets = await merchant_secrets(db, chosen.id, keys=self._keys)
        return self._credentials(tenant.tenant_id, secrets)

    def _pace(self, tenant_id: TenantId, merchant_no: str) -> Pace:
        pace = self._paces.pop((tenant_id, merchant_no), None) or Pace()
        self._paces[tenant_id, merchant_no] = pace
        while len(self._paces) > KEPT:
            self._paces.popitem(last=False)
        return pace

    def _credentials(self, tenant_id: TenantId, secrets: MerchantSecrets) -> MerchantCredentials:
        key = (tenant_id, secrets.merchant_no)
        kept = self._parsed.get(key)
        if kept is not None and kept[0] == secrets:
            self._parsed.move_to_end(key)
            return kept[1]
        provider = secrets.partner
        credentials = MerchantCredentials(
            mchid=provider.merchant_no if provider else secrets.merchant_no,
            appid=provider.appid if provider else secrets.appid,
            sub=_sub_merchant(secrets),
            private_key_pem=secrets.private_key,
            certificate_serial=secrets.certificate_serial,
            api_v3_key=secrets.api_v3_key.encode(),
            verification_keys=secrets.wechat_public_keys,
            notify_url=self._notify_url(secrets),
            earlier_api_v3_keys=[key.encode() for key in secrets.earlier_api_v3_keys],
        )
        self._parsed[key] = (secrets, credentials)
        while len(self._parsed) > KEPT:
            self._parsed.popitem(last=False)
        return credentials

    def _notify_url(self, secrets: MerchantSecrets) -> str:
        return f"{self._settings.public_url()}{CALLBACK_PATH}/{secrets.callback_key}/{secrets.merchant_no}"


def _sub_merchant(secrets: MerchantSecrets) -> SubMerchant | None:
    provider = secrets.partner
    if provider is None:
        return None
    return SubMerchant(
        mchid=secrets.merchant_no, appid=provider.sub_appid, brand_mchid=provider.brand_merchant_no
    )


class MiniProgramLogins:
    """Finds the log-in of a tenant's mini-program."""

    def __init__(self, http: httpx.AsyncClient, *, settings: Settings, keys: KeyRing) -> None:
        """Call the mini-program platform as these settings say."""
        self._http = http
        self._settings = settings
        self._keys = keys

    async def of(self, tenant: TenantScope) -> IdentityProvider:
        """The tenant's own log-in; raises MerchantNotReady when its secret is missing."""
        async with tenant.reading() as db:
            appid, secret = await app_identity(db, keys=self._keys)
        return WechatMiniLogin(self._http, appid=appid, secret=secret, base_url=self._settings.wechat_api_url)


class _Shared:
    """What each tenant's clients of one kind share within a process: Redis for tokens, and a pace of its own for each holder."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        settings: Settings,
        keys: KeyRing,
        redis: Redis | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._settings = settings
        self._keys = keys
        self._redis = redis
        self._clock = clock
        self._kept: OrderedDict[TenantId, tuple[AccessTokenCache, Pace]] = OrderedDict()

    def _of(self, tenant_id: TenantId) -> tuple[AccessTokenCache, Pace]:
        kept = self._kept.pop(tenant_id, None)
        if kept is None:
            kept = AccessTokenCache(self._redis, tenant_id=tenant_id, keys=self._keys), Pace()
        self._kept[tenant_id] = kept
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept


class MiniPrograms(_Shared):
    """Finds the server side of a tenant's mini-program."""

    async def of(self, tenant: TenantScope) -> MiniProgram:
        """The tenant's own mini-program; raises MerchantNotReady when its secret is missing."""
        async with tenant.reading() as db:
            appid, secret = await app_identity(db, keys=self._keys)
        tokens, pace = self._of(tenant.tenant_id)
        return MiniProgram(
            self._http,
            appid=appid,
            secret=secret,
            base_url=self._settings.wechat_api_url,
            tokens=tokens,
            now=self._clock,
            pace=pace,
        )

    async def keys_of(self, tenant: TenantScope) -> PushKeys:
        """What verifies the messages that are pushed to us; raises MerchantNotReady when the push is not set up."""
        async with tenant.reading() as db:
            appid, push = await push_secrets(db, keys=self._keys)
        return PushKeys(appid=appid, token=push.token, encoding_aes_key=push.encoding_aes_key)


class WecomCorps(_Shared):
    """Finds a tenant's corp in WeCom."""

    async def of(self, tenant: TenantScope) -> WecomClient:
        """The application that looks after contacts; raises MerchantNotReady when the corp is not set up."""
        async with tenant.reading() as db:
            corp = await wecom_secrets(db, keys=self._keys)
        tokens, pace = self._of(tenant.tenant_id)
        return WecomClient(
            self._http,
            corp_id=corp.corp_id,
            secret=corp.contact_secret,
            application="contacts",
            base_url=self._settings.wecom_url,
            tokens=tokens,
            pace=pace,
        )

    async def keys_of(self, tenant: TenantScope) -> CorpKeys:
        """The keys that verify what WeCom sends; raises MerchantNotReady when the corp is not set up."""
        async with tenant.reading() as db:
            corp = await wecom_secrets(db, keys=self._keys)
        return CorpKeys(
            corp_id=corp.corp_id, token=corp.callback_token, encoding_aes_key=corp.encoding_aes_key
        )
