"""The network is closed to tests, but for loopback and unix sockets."""

import ipaddress
import sys
from typing import Any

LOCAL_NAMES = {"", "localhost", "testserver.local"}


class NetworkClosed(AssertionError):
    """A test tried to reach the outside."""


def _is_local(host: Any) -> bool:
    if host is None or isinstance(host, bytes):
        host = (host or b"").decode()
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback or host in ("0.0.0.0", "::")
    except ValueError:
        return False


def _refuse(name: str, arguments: tuple[Any, ...]) -> None:
    # An audit hook, because every way out passes it: connect, connect_ex, sendto and name look-ups, from any library.
    if not name.startswith("socket."):
        return
    if name in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif name == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        raise NetworkClosed(f"the network is closed to tests: {name} to {host!r}")


_closed = False


def close_network() -> None:
    """Close it for the rest of the process: an audit hook cannot be removed."""
    global _closed  # noqa: PLW0603 one hook per process is enough
    if not _closed:
        sys.addaudithook(_refuse)
        _closed = True
