"""The vendors' clients of each tenant, made from that tenant's own credentials: payment channels and the mini-program's log-in.

Credentials are read from their envelopes at every use, so that a rotated key works at once; only the parsed keys are kept, because
parsing one costs 40 ms. The address that the payment channel calls back names the tenant by an unguessable part, and the merchant.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

import httpx

from storefront.adapters.wechat_mini.client import WechatMiniLogin
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from storefront.settings import Settings
from tenants.credentials import MerchantSecrets, app_identity, merchant_secrets
from tenants.errors import MerchantNotReady
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId, TenantId
from tenants.kernel.scope import TenantScope
from tenants.ports import IdentityProvider
from tenants.queries import merchants

KEPT = 1000
"""Parsed credentials kept by a process."""
CALLBACK_PATH = "/callbacks/wechat-pay"


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
        self._parsed: OrderedDict[tuple[TenantId, str], tuple[MerchantSecrets, MerchantCredentials]] = (
            OrderedDict()
        )

    async def channel(self, tenant: TenantScope, merchant_id: MerchantId) -> WechatPayChannel:
        """Open the merchant's channel; raises MerchantNotReady when credentials are missing."""
        async with tenant.reading() as db:
            secrets = await merchant_secrets(db, merchant_id, keys=self._keys)
        credentials = self._credentials(tenant.tenant_id, secrets)
        return WechatPayChannel(
            credentials, self._http, base_url=self._settings.wechat_pay_url, now=self._clock
        )

    async def credentials(self, tenant: TenantScope, *, merchant_no: str | None) -> MerchantCredentials:
        """The keys that verify what WeChat sends to a merchant (the default one when none is named); raises MerchantNotReady."""
        async with tenant.reading() as db:
            known = await merchants(db)
            chosen = next((each for each in known if merchant_no in {None, each.merchant_no}), None)
            if chosen is None:
                raise MerchantNotReady(merchant_no=merchant_no)
            secrets = await merchant_secrets(db, chosen.id, keys=self._keys)
        return self._credentials(tenant.tenant_id, secrets)

    def _credentials(self, tenant_id: TenantId, secrets: MerchantSecrets) -> MerchantCredentials:
        key = (tenant_id, secrets.merchant_no)
        kept = self._parsed.get(key)
        if kept is not None and kept[0] == secrets:
            self._parsed.move_to_end(key)
            return kept[1]
        credentials = MerchantCredentials(
            mchid=secrets.merchant_no,
            appid=secrets.appid,
            private_key_pem=secrets.private_key,
            certificate_serial=secrets.certificate_serial,
            api_v3_key=secrets.api_v3_key.encode(),
            verification_keys=secrets.wechat_public_keys,
            notify_url=self._notify_url(secrets),
        )
        self._parsed[key] = (secrets, credentials)
        while len(self._parsed) > KEPT:
            self._parsed.popitem(last=False)
        return credentials

    def _notify_url(self, secrets: MerchantSecrets) -> str:
        return f"{self._settings.public_url()}{CALLBACK_PATH}/{secrets.callback_key}/{secrets.merchant_no}"


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
