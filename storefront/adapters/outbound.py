"""The HTTP client that adapters share: no proxies from the environment, no redirects, bounded waits, and no addresses in logs.

Which call is repeated, and what an error means, is each adapter's own business.
"""

import logging

import httpx
import stamina.instrumentation

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
CONNECTIONS = 100


def open_http_client() -> httpx.AsyncClient:
    """Open the client for calls to vendors; the caller closes it."""
    quiet_http_logs()
    return httpx.AsyncClient(
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS),
        follow_redirects=False,
        # A proxy variable in the environment must not decide where payment calls go.
        trust_env=False,
    )


def quiet_http_logs() -> None:
    """Keep httpx and httpcore from logging addresses (code2session carries the app's secret), and stamina from warning of repeats.

    A repeat is ordinary: WeChat signs some answers wrongly on purpose to see whether we look. Outcomes are counted instead.
    """
    stamina.instrumentation.set_on_retry_hooks(())
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
