"""Answers faces from kept bytes before routing: home, lists, details, categories, pages.

What it trades: a change shows within a second (`RECHECK_SECONDS`: how often a store's face version is read again), and what time alone
changes (a scheduled page or price, opening hours, a store's own row) within `OLDEST_SECONDS`; changes made through this process show at
once. Kept bytes are always a guest's answer, asked for under the tenant and store that key them, so nothing personal and nothing of
another tenant can get into them. ETag, 304 and gzip live here. Measured by `storefront bench` (reads).
"""

import asyncio
import hashlib
import struct
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from catalog.faces import shown_version
from storefront.frame import current_request_id, framed
from storefront.tokens import Audience
from storefront.wiring import Wiring
from tenants.kernel.errors import Refusal
from tenants.kernel.ids import StoreId
from tenants.kernel.scope import TenantScope

RECHECK_SECONDS = 1.0
OLDEST_SECONDS = 5.0
MOST_BYTES = 64 * 1024 * 1024
MOST_FACES = 20_000
LONGEST_QUERY = 400
SMALLEST_GZIP = 1024
PATHS = frozenset({"/shopper/v1/home", "/shopper/v1/listings", "/shopper/v1/categories"})
PREFIXES = ("/shopper/v1/products/", "/shopper/v1/pages/")
CHANGING = ("/brand/", "/staff/", "/operator/")
"""Where faces are changed by hand; who changes one through this process sees it at once."""
IDENTIFYING = (b"authorization", b"x-tenant-id", b"x-appid", b"x-store-id")
_BEFORE, _AFTER = framed(b"|").split(b"|")[0], b',"requestId":"%b"}'
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for, whoever asks."""

    tenant: TenantScope
    store_id: StoreId | None
    path: str
    query: bytes

    def key(self) -> tuple[Any, ...]:
        """What its bytes are kept under."""
        return (self.tenant.tenant_id, self.store_id, self.path, self.query)


class Kept(msgspec.Struct, frozen=True):
    """One kept answer: the encoded `data`, and the start of its gzip stream; the frame's end, with the request's id, is added each time."""

    version: str
    made_at: float
    etag: bytes
    body: bytes
    gzip_start: bytes | None
    crc: int
    route_handler: Any

    def size(self) -> int:
        """Roughly how much memory it takes."""
        return len(self.body) + len(self.gzip_start or b"") + 1000


class PageLayer:
    """An ASGI app around the app."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        wiring: Wiring,
        ticks: Callable[[], float] = time.monotonic,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Stand before `inner`, holding at most `most_bytes` of answers."""
        self.inner = inner
        self.wiring = wiring
        self.ticks = ticks
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._times_forgotten = 0
        self._kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._versions: OrderedDict[tuple[Any, ...], tuple[str, float]] = OrderedDict()
        self._under_way: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.inner(scope, receive, send)
            if scope["type"] == "http" and scope["path"].startswith(CHANGING):
                self._forget_versions()
            return
        asked = await self._asked(scope)
        kept = await self._answer(asked, scope) if asked else None
        if kept is None:
            await self.inner(scope, receive, send)
            return
        scope["route_handler"] = kept.route_handler
        await _send(kept, scope, send)

    async def _asked(self, scope: Scope) -> Asked | None:
        """What is asked for, if its answer may be kept; anything odd is left to the app, which says what is wrong with it."""
        path, query = scope["path"], scope["query_string"]
        if (path not in PATHS and not path.startswith(PREFIXES)) or len(query) > LONGEST_QUERY:
            return None
        found = [(name, value.decode("latin-1")) for name, value in scope["headers"] if name in IDENTIFYING]
        headers = dict(found)
        if len(headers) < len(found):
            return None
        try:
            tenant = await self._tenant(headers)
            named = headers.get(b"x-store-id")
            store_id = StoreId(UUID(named)) if named else None
        except (Refusal, ValueError):
            return None
        if tenant is None:
            return None
        structlog.contextvars.bind_contextvars(tenant_id=str(tenant.tenant_id))
        return Asked(tenant, store_id, path, query)

    async def _tenant(self, headers: dict[bytes, str]) -> TenantScope | None:
        presented = headers.get(b"authorization", "").strip()
        if presented:
            word, _, rest = presented.partition(" ")
            token = rest.strip() if word.lower() == "bearer" else presented
            principal = self.wiring.tokens.read(token, now=self.wiring.clock())
            if principal.audience is not Audience.SHOPPER or principal.tenant_id is None:
                return None
            return self.wiring.database.tenant(principal.tenant_id)
        named, appid = headers.get(b"x-tenant-id"), headers.get(b"x-appid")
        if not named and not appid:
            return None
        return await self.wiring.directory.find(named=named, appid=appid)

    async def _answer(self, asked: Asked, scope: Scope) -> Kept | None:
        try:
            version = await self._version(asked)
        except Refusal:
            return None
        kept = self._kept.get(asked.key())
        if kept and kept.version == version and self.ticks() - kept.made_at < OLDEST_SECONDS:
            self._kept.move_to_end(asked.key())
            return kept
        made: Kept | None = await self._once(asked.key(), lambda: self._make(asked, scope, version=version))
        return made

    async def _version(self, asked: Asked) -> str:
        """The version of the face, read again when the last reading is too old."""
        face = (asked.tenant.tenant_id, asked.store_id)
        read = self._versions.get(face)
        if read and self.ticks() - read[1] < RECHECK_SECONDS:
            return read[0]
        version: str = await self._once(face, lambda: self._read_version(asked))
        return version

    async def _read_version(self, asked: Asked) -> str:
        started, times_forgotten = self.ticks(), self._times_forgotten
        async with asked.tenant.reading() as db:
            version = await shown_version(db, store_id=asked.store_id)
        if (
            times_forgotten == self._times_forgotten
        ):  # else it may have been read before the change that it is about
            self._versions[(asked.tenant.tenant_id, asked.store_id)] = (version, started)
        while len(self._versions) > MOST_FACES:
            self._versions.popitem(last=False)
        return version

    def _forget_versions(self) -> None:
        self._versions.clear()
        self._times_forgotten += 1

    async def _once(self, key: tuple[Any, ...], work: Callable[[], Any]) -> Any:
        """Single flight: of those who want the same thing at once one does the work. It goes on when its asker goes away."""
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = asyncio.ensure_future(work())
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(under_way)

    def _landed(self, key: tuple[Any, ...], done: asyncio.Future[Any]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # those who wait have it; when all have gone away nobody needs to hear of it

    async def _make(self, asked: Asked, scope: Scope, *, version: str) -> Kept | None:
        """Ask the app as a guest of this tenant and store; keep only a good answer."""
        made_at = self.ticks()
        headers = [(b"x-tenant-id", str(asked.tenant.tenant_id).encode())]
        if asked.store_id is not None:
            headers.append((b"x-store-id", str(asked.store_id).encode()))
        guest: Any = {**scope, "headers": headers, "state": {}}
        status, body = await _ask(self.inner, guest)
        after = _AFTER % current_request_id.get().encode()
        if status != 200 or not (body.startswith(_BEFORE) and body.endswith(after)):  # noqa: PLR2004 HTTP's own number
            return None
        kept = _kept(
            body[: -len(after)], version=version, made_at=made_at, handler=guest.get("route_handler")
        )
        self._hold(asked.key(), kept)
        return kept

    def _hold(self, key: tuple[Any, ...], kept: Kept) -> None:
        replaced = self._kept.pop(key, None)
        self.held_bytes += kept.size() - (replaced.size() if replaced else 0)
        self._kept[key] = kept
        while self.held_bytes > self.most_bytes and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self.held_bytes -= dropped.size()


def _kept(body: bytes, *, version: str, made_at: float, handler: Any) -> Kept:
    etag = b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'
    gzip_start = None
    if len(body) >= SMALLEST_GZIP:
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        # A sync flush ends on a byte, so that the frame's end can follow as a block of its own in the same stream.
        gzip_start = _GZIP_HEADER + packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Kept(version, made_at, etag, body, gzip_start, zlib.crc32(body), handler)


async def _ask(app: ASGIApp, scope: Any) -> tuple[int, bytes]:
    status, parts = 500, []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def collect(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, collect)
    return status, b"".join(parts)


async def _send(kept: Kept, scope: Scope, send: Send) -> None:
    asked = {
        name: value for name, value in scope["headers"] if name in (b"if-none-match", b"accept-encoding")
    }
    headers = [
        (b"etag", kept.etag),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Accept-Encoding, Authorization, X-Tenant-Id, X-Appid, X-Store-Id"),
    ]
    known = asked.get(b"if-none-match", b"")
    if known == b"*" or kept.etag in [each.strip() for each in known.split(b",")]:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    after = _AFTER % current_request_id.get().encode()
    body = kept.body + after
    headers.append((b"content-type", b"application/json"))
    if kept.gzip_start is not None and b"gzip" in asked.get(b"accept-encoding", b""):
        body = _gzip(kept, after)
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _gzip(kept: Kept, after: bytes) -> bytes:
    """The kept stream, the frame's end as a stored final block, and the checksum over both (RFC 1951 §3.2.4, RFC 1952 §2.3.1)."""
    stored = struct.pack("<BHH", 1, len(after), len(after) ^ 0xFFFF)
    trailer = struct.pack("<II", zlib.crc32(after, kept.crc), (len(kept.body) + len(after)) & 0xFFFFFFFF)
    return (kept.gzip_start or b"") + stored + after + trailer
