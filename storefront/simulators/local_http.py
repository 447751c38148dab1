"""The HTTP client of the simulator's own calls: callbacks to merchants, and its control API's client."""

import ssl
from functools import cache

import httpx


@cache
def _tls() -> ssl.SSLContext:
    # Loading the certificates takes longer than starting the simulator does: once is enough.
    return httpx.create_ssl_context()


def open_http_client(*, timeout: float = 5.0, kept_alive: int = 20) -> httpx.AsyncClient:
    """Open a client without proxies, for the control API and for callbacks; the caller closes it."""
    limits = httpx.Limits(max_keepalive_connections=kept_alive)
    return httpx.AsyncClient(trust_env=False, timeout=timeout, verify=_tls(), limits=limits)
