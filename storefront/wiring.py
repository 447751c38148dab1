"""Joins the floors: what is opened once a process and handed down, and which implementation answers which port.

Everything a verb needs from above its floor is a field here; routes get a field as a dependency of the same name, reactions of the
worker as a keyword argument of the same name. Holds no behaviour.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from redis.asyncio import Redis

from guides.ports import CardDesk, ContactBook
from orders.ports import GuideCards, HandOverReports, PaymentSplits, Terms
from settlement.agreements.freeze import ContractTerms
from settlement.ports import TradeStates
from settlement.splitting.refund_table import ChannelSplits
from storefront.adapters.outbound import open_http_client
from storefront.channels import MiniProgramLogins, MiniPrograms, WechatPayChannels, WecomCorps
from storefront.directory import Directory
from storefront.guide_ports import WechatPayCards, WecomContacts
from storefront.passwords import Argon2Passwords
from storefront.settings import SettingInvalid, Settings
from storefront.tokens import AccessTokens
from storefront.vendor_ports import ChannelCards, PlatformReports, PlatformTrades
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import Database, open_database
from tenants.ports import PasswordHasher

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's time in UTC: read here, in the roof, and nowhere below."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything one process holds open, and the ports' answers."""

    settings: Settings
    database: Database
    directory: Directory
    redis: Redis
    clock: Clock
    tokens: AccessTokens
    refresh_key: bytes
    keys: KeyRing
    passwords: PasswordHasher
    http: httpx.AsyncClient
    channels: WechatPayChannels
    logins: MiniProgramLogins
    minis: MiniPrograms
    wecom: WecomCorps
    terms: Terms
    splits: PaymentSplits
    cards: GuideCards
    reports: HandOverReports
    contacts: ContactBook
    desk: CardDesk
    trades: TradeStates

    async def close(self) -> None:
        """Close what was opened."""
        await self.http.aclose()
        await self.database.close()
        await self.redis.aclose()


PORTS = (
    "passwords",
    "channels",
    "minis",
    "wecom",
    "terms",
    "splits",
    "reports",
    "keys",
    "contacts",
    "desk",
    "trades",
)
"""The fields that routes and reactions may ask for by name."""


def wire(
    settings: Settings,
    *,
    database: Database | None = None,
    redis: Redis | None = None,
    clock: Clock = system_clock,
    passwords: PasswordHasher | None = None,
) -> Wiring:
    """Open what the settings name; tests hand in what they already hold."""
    opened = database or open_for(settings.database_url, settings=settings)
    keys, http, shared_redis = settings.key_ring(), open_http_client(), redis or open_redis(settings)
    channels = WechatPayChannels(http, settings=settings, keys=keys, clock=clock)
    minis = MiniPrograms(http, settings=settings, keys=keys, redis=shared_redis, clock=clock)
    corps = WecomCorps(http, settings=settings, keys=keys, redis=shared_redis, clock=clock)
    return Wiring(
        settings=settings,
        database=opened,
        directory=Directory(opened),
        redis=shared_redis,
        clock=clock,
        tokens=AccessTokens.with_key(settings.token_key()),
        # One secret to look after; a key of its own for each use, so that neither can stand for the other.
        refresh_key=hmac.digest(settings.token_key(), b"storefront refresh tokens", "sha256"),
        keys=keys,
        passwords=passwords or Argon2Passwords(),
        http=http,
        channels=channels,
        logins=MiniProgramLogins(http, settings=settings, keys=keys),
        minis=minis,
        wecom=corps,
        terms=ContractTerms(),
        splits=ChannelSplits(channels),
        cards=ChannelCards(channels),
        reports=PlatformReports(minis),
        contacts=WecomContacts(corps),
        desk=WechatPayCards(channels, corps=corps),
        trades=PlatformTrades(minis),
    )


def wire_worker(settings: Settings) -> Wiring:
    """The same wiring over the worker's own database role."""
    return wire(settings, database=open_for(settings.database_worker_url, settings=settings, report=False))


def open_for(url: str | None, *, settings: Settings, report: bool = True) -> Database:
    """Open a database role's engines; parameters of statements never reach logs or exception texts."""
    if url is None:
        raise SettingInvalid("DATABASE_URL (for the worker DATABASE_WORKER_URL) is not set")
    report_url = settings.database_report_url if report else None
    return open_database(url, report_url=report_url, hide_parameters=True, pool_timeout=5)


def open_redis(settings: Settings) -> Redis:
    """Open Redis with short patience: what lives there is worth less than a quick answer."""
    if settings.redis_url is None:
        raise SettingInvalid("REDIS_URL is not set")
    redis: Redis = Redis.from_url(settings.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
    return redis
