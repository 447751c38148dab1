"""The outermost ring around the app: request id, one log line and two metrics a request, and the opt-in status 200 for old fronts.

It stands outside routing, so that unknown addresses and broken requests are seen too. It never looks into bodies.
"""

import logging
import os
import re
import string
from time import perf_counter
from typing import Any
from urllib.parse import quote_from_bytes

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from storefront.frame import current_request_id
from storefront.observability import LATENCY, REQUESTS, log

WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{8,64}")
REQUEST_ID_BYTES = 16
FIRST_ERROR = 400
READS = ("GET", "HEAD", "OPTIONS")
_stdlib = logging.getLogger("storefront")


class Edge:
    """An ASGI app around the app."""

    def __init__(self, inner: ASGIApp) -> None:
        """Stand around `inner`."""
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self.inner(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if WELL_FORMED.fullmatch(given) else os.urandom(REQUEST_ID_BYTES).hex()
        scope["state"] = dict(scope.get("state") or {})
        if not scope["query_string"].isascii():
            # `curl '…?q=风衣'` sends the bytes as they are; the framework would read them as Latin-1 and find nothing.
            scope["query_string"] = quote_from_bytes(scope["query_string"], safe=string.punctuation).encode()
        status_in_body = headers.get(b"x-status-in-body") == b"1"
        answered = {"status": 500}

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                if status_in_body and message["status"] >= FIRST_ERROR:
                    message["status"] = 200
            await send(message)

        started = perf_counter()
        token = current_request_id.set(request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.inner(scope, receive, send_marked)
        finally:
            _record(scope, status=answered["status"], seconds=perf_counter() - started)
            structlog.contextvars.clear_contextvars()
            current_request_id.reset(token)


def _record(scope: Any, *, status: int, seconds: float) -> None:
    handler = scope.get("route_handler")
    operation = getattr(handler, "operation_id", None)
    name = operation if isinstance(operation, str) else "unmatched"
    REQUESTS.labels(name, str(status)).inc()
    LATENCY.labels(name).observe(seconds)
    # Reads that went well are the mass of all requests and the least worth a line: they are counted, and told at level DEBUG.
    quiet = status < FIRST_ERROR and scope["method"] in READS
    if quiet and not _stdlib.isEnabledFor(logging.DEBUG):
        return
    log.log(
        logging.DEBUG if quiet else logging.INFO,
        "request",
        operation=name,
        method=scope["method"] if name != "unmatched" else None,
        status=status,
        code=scope["state"].get("code"),
        milliseconds=round(seconds * 1000, 1),
    )
