"""`storefront doctor --tenant`: one brand's way to WeChat: keys, certificates, clock, splitting, the address WeChat calls. Changes nothing.

Every finding says what is wrong and what to do; names serials, numbers and dates, never a key.
"""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from guides.queries import guides_without_card
from orders.ports import Refused, Unknown
from settlement.ports import SplitRefused
from settlement.splitting.queries import receivers
from settlement.splitting.states import ReceiverState
from storefront.adapters.errcode import TokenUnavailable
from storefront.adapters.errors import CredentialsUnreadable
from storefront.adapters.outbound import open_http_client
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import PUBLIC_KEY_PREFIX, MerchantCredentials
from storefront.channels import MiniPrograms, WechatPayChannels
from storefront.settings import Settings
from storefront.wiring import system_clock
from tenants.credentials import wecom_secrets
from tenants.directory import tenant_coded
from tenants.errors import MerchantNotReady
from tenants.kernel.encryption import EnvelopeUnreadable, KeyRing
from tenants.kernel.scope import Database, TenantScope, open_database
from tenants.queries import merchants
from tenants.views import MerchantView

Finding = tuple[str, str]
Findings = list[Finding]
SOON = timedelta(days=30)
LARGEST_OFFSET_SECONDS, WORRYING_OFFSET_SECONDS = 300, 60
UNSIGNED_IS_REFUSED = 401
USUAL_RATE_BPS = 3000
MOST_NAMED = 20
PROBE_NUMBER = "P-doctor-"
SIGN_ERROR, NO_ORDER = "SIGN_ERROR", frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"})


async def examine_tenant(settings: Settings, code: str) -> list[tuple[str, Findings]]:
    """Each check of the brand with this code, with what is wrong and its fix."""
    if settings.database_url is None:
        return [("brand", [("DATABASE_URL is not set", "set it, or start `storefront up`")])]
    database = open_database(settings.database_url, pool_size=2, hide_parameters=True)
    try:
        async with open_http_client() as http:
            return [each async for each in _examined(database, code, settings=settings, http=http)]
    finally:
        await database.close()


async def _examined(
    database: Database, code: str, *, settings: Settings, http: httpx.AsyncClient
) -> AsyncIterator[tuple[str, Findings]]:
    async with database.platform() as db:
        tenant_id = await tenant_coded(db, code)
    if tenant_id is None:
        yield f"brand {code}", [("there is no brand with this code", "see `storefront tenant list`")]
        return
    tenant = database.tenant(tenant_id)
    yield "clock against the gateway", await clock_faults(http, settings.wechat_pay_url)
    yield "mini-program", await _mini_faults(tenant, settings=settings, http=http)
    yield "receivers of splits", await receiver_faults(tenant)
    yield "guides' cards", await card_faults(tenant, keys=settings.key_ring())
    async with tenant.reading() as reading:
        known = await merchants(reading)
    channels = WechatPayChannels(http, settings=settings, keys=settings.key_ring(), clock=system_clock)
    for merchant in known:
        name = f"merchant {merchant.merchant_no}"
        try:
            channel = await channels.channel(tenant, merchant.id)
            credentials = await channels.credentials(tenant, merchant_no=merchant.merchant_no)
        except (MerchantNotReady, EnvelopeUnreadable, CredentialsUnreadable) as error:
            yield f"{name}: keys", [_unreadable(error)]
            continue
        yield f"{name}: keys", _key_faults(credentials, now=system_clock())
        answer = await channel.look_up(PROBE_NUMBER + secrets.token_hex(8))
        yield f"{name}: signing", _signing_faults(answer)
        if isinstance(answer, Refused) and answer.code in NO_ORDER:
            yield f"{name}: splitting", await _splitting_faults(channel, merchant)
        yield f"{name}: callbacks", await callback_faults(http, credentials.notify_url)


def _unreadable(error: Exception) -> Finding:
    if isinstance(error, EnvelopeUnreadable):
        return (
            "the stored keys open with none of the master keys given",
            "put the master key that sealed them behind the first in STOREFRONT_MASTER_KEYS",
        )
    if isinstance(error, CredentialsUnreadable):
        return f"{error.fields.get('part')} cannot be read", "set the merchant's keys again, as PEM"
    return "no keys are stored", "add the merchant with its keys (`storefront tenant create`)"


def _key_faults(credentials: MerchantCredentials, *, now: datetime) -> Findings:
    trusted, found = credentials.trusted(), []
    if not trusted:
        found.append(
            ("no key of WeChat's is trusted, so no answer verifies", "`storefront keys trust` its public key")
        )
    has_public_key = any(key.serial.startswith(PUBLIC_KEY_PREFIX) for key in trusted)
    for key in trusted:
        if key.ends_at is None or key.ends_at > now + SOON:
            continue
        verb = "ended" if key.ends_at <= now else "ends"
        fix = "`storefront keys certificates` downloads the next one"
        if has_public_key:
            fix += ", or nothing: the public key stands beside it"
        found.append((f"platform certificate {key.serial} {verb} on {key.ends_at:%Y-%m-%d}", fix))
    return found


async def clock_faults(http: httpx.AsyncClient, url: str) -> Findings:
    """How far our clock is from the gateway's, as its Date header tells."""
    before = system_clock()
    try:
        answer = await http.get(url.rstrip("/") + "/v3/certificates")
    except httpx.HTTPError as error:
        return [
            (
                f"{url} cannot be reached ({type(error).__name__})",
                "check the network and WECHAT_PAY_URL",
            )
        ]
    after = system_clock()
    told = answer.headers.get("wechatpay-timestamp", "")
    try:
        theirs = float(told) if told.isdigit() else parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return [("the gateway tells no time", "nothing to do, unless signatures are refused")]
    offset = (before + (after - before) / 2).timestamp() - theirs
    if abs(offset) < WORRYING_OFFSET_SECONDS:
        return []
    effect = (
        "every call is refused" if abs(offset) >= LARGEST_OFFSET_SECONDS else "calls are refused beyond 300"
    )
    return [(f"our clock is {offset:+.0f} seconds off ({effect})", "let NTP set this machine's clock")]


async def _mini_faults(tenant: TenantScope, *, settings: Settings, http: httpx.AsyncClient) -> Findings:
    minis = MiniPrograms(http, settings=settings, keys=settings.key_ring(), redis=None, clock=system_clock)
    try:
        answer = await (await minis.of(tenant)).is_trade_managed()
    except (MerchantNotReady, EnvelopeUnreadable) as error:
        return [_unreadable(error)]
    except TokenUnavailable as error:
        answer = error.outcome
    if isinstance(answer, Refused):
        return [(f"WeChat refuses the app's secret ({answer.code})", "set the secret of this appid again")]
    if isinstance(answer, Unknown):
        return [(f"WeChat's server did not answer: {answer.reason}", "check the network and WECHAT_API_URL")]
    return []


def _signing_faults(answer: object) -> Findings:
    if isinstance(answer, Refused) and answer.code in NO_ORDER:
        return []
    if isinstance(answer, Refused) and answer.code == SIGN_ERROR:
        return [
            (
                "WeChat refuses our signature",
                "the private key and the certificate serial must belong together and to this merchant",
            )
        ]
    if isinstance(answer, Refused):
        return [
            (f"WeChat refuses a query: {answer.code} {answer.message}", "ask for the permission it names")
        ]
    reason = answer.reason if isinstance(answer, Unknown) else "an answer nobody expected"
    fix = "check the network and WECHAT_PAY_URL"
    # A refusal that cannot be verified names two troubles: ours, which WeChat met first, and that of the answer.
    if "STALE" in reason:
        fix = "the clocks disagree: let NTP set this machine's clock"
    elif SIGN_ERROR in reason:
        fix = "the merchant number, private key and certificate serial must belong together"
    elif "SERIAL_UNKNOWN" in reason:
        fix = "WeChat signs with a key that is not trusted: `storefront keys certificates` or `keys trust`"
    elif "KEY_EXPIRED" in reason:
        fix = "`storefront keys certificates` downloads the next one"
    return [(reason, fix)]


async def _splitting_faults(channel: WechatPayChannel, merchant: MerchantView) -> Findings:
    """Whether splitting is switched on and how much may be split; a direct merchant's ratio is not told to anybody."""
    rate = await channel.splitting.largest_rate()
    if isinstance(rate, Unknown):
        return [(f"the largest rate is unknown: {rate.reason}", "ask again later")]
    if isinstance(rate, SplitRefused):
        if rate.code == "NOT_OFFERED":
            return []
        return [
            (
                f"splitting is refused: {rate.code} {rate.message}",
                f"switch profit sharing on for {merchant.merchant_no} in the merchant back office",
            )
        ]
    if rate < USUAL_RATE_BPS:
        return [
            (
                f"at most {rate / 100:.2f} % of a payment may be split, less than the usual 30 %",
                "raise it in the merchant back office, or keep the contracts below it",
            )
        ]
    return []


async def receiver_faults(tenant: TenantScope) -> Findings:
    """Receivers that WeChat refused, or has not answered for: their parts stay payable otherwise until it takes them."""
    async with tenant.reading() as db:
        known = await receivers(db)
    return [
        (
            f"receiver {each.account} of {each.party.code} is {each.state}: {each.channel_code} {each.channel_message}",
            "add it again with the full legal name that the merchant is registered under",
        )
        for each in known
        if each.state in {ReceiverState.INTENDED, ReceiverState.REFUSED}
    ]


async def card_faults(tenant: TenantScope, *, keys: KeyRing) -> Findings:
    """Working guides whom WeChat Pay has no card of. Only where the brand uses cards: it has registered one, or has a corp."""
    async with tenant.reading() as db:
        number, without = await guides_without_card(db, at=system_clock())
        try:
            await wecom_secrets(db, keys=keys)
            uses_cards = True
        except (MerchantNotReady, EnvelopeUnreadable):
            uses_cards = number > 0
    if not uses_cards or not without:
        return []
    named = "、".join(f"{each.code} {each.name}" for each in without[:MOST_NAMED])
    more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
    return [
        (
            f"{len(without)} guide(s) have no card at WeChat Pay: {named}{more}",
            "POST /brand/v1/guides/{id}/contact-way, then …/card/registration; nobody is kept from paying meanwhile",
        )
    ]


async def callback_faults(http: httpx.AsyncClient, url: str) -> Findings:
    """Whether an unsigned message to our own callback address is refused as it must be, which proves that the address works."""
    try:
        answer = await http.post(url, content=b"{}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [
            (
                f"{url.rpartition('/callbacks')[0]} cannot be reached ({type(error).__name__})",
                "STOREFRONT_PUBLIC_URL must name this server as WeChat sees it, and `storefront serve` must run",
            )
        ]
    if answer.status_code == UNSIGNED_IS_REFUSED:
        return []
    return [
        (
            f"an unsigned message is answered {answer.status_code} instead of {UNSIGNED_IS_REFUSED}",
            "something else answers under STOREFRONT_PUBLIC_URL: check the address and the proxy before it",
        )
    ]
