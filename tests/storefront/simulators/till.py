"""A till: one merchant with real keys at a simulator over real HTTP, and the adapters pointed at it. Fixtures for two folders."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orders.ports import PaymentRequest
from storefront.adapters.outbound import open_http_client
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from storefront.simulators.wechat_pay import envelope
from tenants.kernel.ids import StoreId, new_id
from tenants.kernel.money import Fen

API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
SERIAL = "4A5B6C7D8E9F"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Till:
    """One merchant at the simulator, and everything a test says to it."""

    control: SimulatorControl
    http: httpx.AsyncClient
    parts: dict
    credentials: MerchantCredentials
    channel: WechatPayChannel

    @classmethod
    async def open(cls, control, http, *, merchant_key, notify_url) -> "Till":
        """Register a merchant of its own."""
        mchid, appid = f"19{secrets.randbelow(10**8):08d}", "wx" + secrets.token_hex(8)
        registered = await control.register_merchant(
            mchid=mchid,
            appid=appid,
            public_key=merchant_key[1],
            certificate_serial=SERIAL,
            api_v3_key=API_V3_KEY,
            fee_bps=60,
        )
        parts = {
            "mchid": mchid,
            "appid": appid,
            "private_key_pem": merchant_key[0],
            "certificate_serial": SERIAL,
            "api_v3_key": API_V3_KEY.encode(),
            "verification_keys": {
                registered.public_key_id: registered.public_key,
                registered.certificate_serial: registered.certificate,
            },
            "notify_url": notify_url,
        }
        credentials = MerchantCredentials(**parts)
        channel = WechatPayChannel(credentials, http, base_url=control.url, now=now)
        return cls(control, http, parts, credentials, channel)

    @classmethod
    def reopen(cls, till, control) -> "Till":
        """The same merchant at a simulator that was started again."""
        channel = WechatPayChannel(till.credentials, till.http, base_url=control.url, now=now)
        return cls(control, till.http, till.parts, till.credentials, channel)

    def channel_with(
        self, *, now=now, base_url=None, attempts=3, total_seconds=2.0, **changes
    ) -> WechatPayChannel:
        """A channel of this merchant with something changed."""
        return WechatPayChannel(
            MerchantCredentials(**{**self.parts, **changes}),
            self.http,
            base_url=base_url or self.control.url,
            now=now,
            attempts=attempts,
            total_seconds=total_seconds,
        )

    @property
    def mchid(self) -> str:
        return self.credentials.mchid

    def impatient(self, **options: float) -> WechatPayChannel:
        """A channel that gives up within a second."""
        limits = {"attempt_seconds": 0.3, "total_seconds": 2.0, **options}
        return WechatPayChannel(self.credentials, self.http, base_url=self.control.url, now=now, **limits)

    def request(self, total: int = 10_000, **changes: object) -> PaymentRequest:
        asked = {
            "payment_no": "P" + secrets.token_hex(10),
            "description": "春季外套 x 1",
            "total_fen": Fen(total),
            "openid": "o-shopper-one",
            "expires_at": now() + timedelta(minutes=15),
            "profit_sharing": False,
            "store_id": StoreId(new_id()),
            "store_name": "山茶 静安店",
        }
        return PaymentRequest(**{**asked, **changes})

    async def paid(self, total: int = 10_000, **changes: object) -> PaymentRequest:
        """A payment that the shopper has made."""
        begin = await self.control.advance(0)
        request = self.request(total, **{"expires_at": begin + timedelta(minutes=15), **changes})
        await self.channel.prepare(request)
        await self.control.pay(payment_no=request.payment_no, mchid=self.mchid, wait=False)
        return request

    async def books_of(self, payment_no: str) -> dict:
        books = await self.control.books()
        (found,) = [each for each in books["payments"] if each["outTradeNo"] == payment_no]
        return found

    async def account(self) -> dict:
        books = await self.control.books()
        (found,) = [each for each in books["merchants"] if each["mchid"] == self.mchid]
        return found


@dataclass
class Inbox:
    """Answers callbacks with the statuses in `answers`, then with 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    letters: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int({k.lower(): v for k, v in headers.items()}["content-length"]))
        self.letters.append((headers, body))
        self.arrived.set()
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def new_key() -> tuple[str, str]:
    """A private and a public PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture(scope="session")
def merchant_key() -> tuple[str, str]:
    return new_key()


@pytest.fixture(scope="session")
def stranger_key() -> tuple[str, str]:
    """A key that nobody registered."""
    return new_key()


@pytest.fixture(scope="session")
def wechat_keys() -> list[tuple[str, str]]:
    return [new_key(), new_key(), new_key()]


@pytest.fixture(autouse=True)
def _keys_made_once(wechat_keys, monkeypatch) -> None:
    keys = cycle(wechat_keys)
    monkeypatch.setattr(envelope, "new_key_pair", lambda: next(keys))


@pytest.fixture(scope="session")
async def control(anyio_backend) -> AsyncIterator[SimulatorControl]:
    async with running_simulator(seed=7) as running:
        yield running


@pytest.fixture(scope="session")
async def http(anyio_backend) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http_client() as client:
        yield client


@pytest.fixture
def notify_url() -> str:
    """Port 9 (discard) refuses: tests about callbacks bring their own address."""
    return "http://127.0.0.1:9/callbacks"


@pytest.fixture
async def till(control, http, merchant_key, notify_url) -> Till:
    return await Till.open(control, http, merchant_key=merchant_key, notify_url=notify_url)


@pytest.fixture
async def inbox() -> AsyncIterator["Inbox"]:
    """A merchant's callback address that keeps what arrives, byte for byte."""
    inbox = Inbox()
    server = await asyncio.start_server(inbox.converse, "127.0.0.1", 0)
    inbox.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callbacks"
    async with server:
        yield inbox
