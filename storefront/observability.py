"""Logs and metrics, without personal data and secrets by construction.

A log line holds named fields from a closed list and nothing else: no bodies, headers, addresses with values, or texts of exceptions, because personal data and secrets travel in exactly those.
A failure is logged as its classes and places in the code.
"""

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from typing import Any
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

FIELDS = frozenset(
    {
        "event", "level", "timestamp", "logger", "request_id", "tenant_id", "actor", "audience", "operation", "method",
        "status", "code", "milliseconds", "error", "places", "sqlstate", "constraint", "kind", "event_id", "reaction",
        "attempts", "count", "port", "worker", "seconds", "state", "check",
    }
)  # fmt: skip
"""The only keys a log line may have. A key is added here after asking whether its values can be personal or secret."""

REGISTRY = CollectorRegistry()
REQUESTS = Counter("storefront_requests", "Answered requests.", ["operation", "status"], registry=REGISTRY)
LATENCY = Histogram(
    "storefront_request_seconds",
    "Time from the request's first byte to the answer's last.",
    ["operation"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
REACTIONS = Counter("storefront_reactions", "Reactions run.", ["reaction", "outcome"], registry=REGISTRY)
EVENTS_WAITING = Gauge("storefront_events_waiting", "Events due and not yet done.", registry=REGISTRY)
EVENTS_PARKED = Gauge("storefront_events_parked", "Events that need a person.", registry=REGISTRY)
OLDEST_WAITING = Gauge("storefront_oldest_event_seconds", "Age of the oldest due event.", registry=REGISTRY)
WORKER_BEAT = Gauge(
    "storefront_worker_beat_timestamp", "When the worker last looked for work.", registry=REGISTRY
)
CONNECTIONS = Gauge("storefront_database_connections", "Connections in use.", registry=REGISTRY)
CLOCK_OFFSET = Gauge("storefront_clock_offset_seconds", "Own clock minus the database's.", registry=REGISTRY)

log = structlog.stdlib.get_logger("storefront")


def keep_named_fields(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop whatever is not on the list, so that a careless call cannot leak; and what says nothing."""
    for key in [key for key, value in line.items() if key not in FIELDS or value is None]:
        del line[key]
    return line


class NamedFieldsOnly(logging.Formatter):
    """Formats records of other libraries: logger, level, and the template of the message, never its arguments or exception text."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON line. Our own records arrive already rendered."""
        if record.name == "storefront":
            return str(record.msg)
        line: dict[str, Any] = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        line["timestamp"] = structlog.processors.TimeStamper(fmt="iso")(None, "", {})["timestamp"]
        if record.exc_info and record.exc_info[1]:
            line |= describe(record.exc_info[1])
        line["places"] = [*line.get("places", []), f"{record.module}:{record.lineno}"]
        return str(structlog.processors.JSONRenderer(ensure_ascii=False)(None, "", line))


def configure_logging(level: str = "INFO") -> None:
    """Send everything that is logged in this process to standard error as JSON lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            keep_named_fields,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(NamedFieldsOnly())
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(logging.WARNING)
    logging.getLogger("storefront").setLevel(level)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception without its words: the classes of its chain, where in the code it passed, and the database's codes."""
    chain: list[str] = []
    link: BaseException | None = error
    found: dict[str, Any] = {}
    while link is not None and len(chain) < 10:  # noqa: PLR2004 a chain this long says nothing more
        chain.append(type(link).__name__)
        driver = getattr(link, "orig", link)
        for name, attribute in (("sqlstate", "sqlstate"), ("constraint", "constraint_name")):
            if isinstance(value := getattr(driver, attribute, None), str):
                found[name] = value
        link = link.__cause__ or link.__context__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    places = [
        f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
        for frame in [*ours[-8:], *(frames[-1:] if frames[-1:] != ours[-1:] else [])]
    ]
    return {"error": " < ".join(chain), "places": places, **found}


def report_failure(event: str, error: BaseException, **fields: Any) -> None:
    """Log a failure that a person must look at."""
    log.error(event, **describe(error), **fields)


def start_metrics(port: int, *, host: str, instances: int = 1) -> tuple[WSGIServer, threading.Thread] | None:
    """Serve the metrics on `port`; with several worker processes each takes the next free one. Port 0 means: not at all."""
    for candidate in range(port, port + instances) if port else ():
        try:
            server = start_http_server(candidate, addr=host, registry=REGISTRY)
        except OSError:
            continue
        log.info("metrics_open", port=candidate)
        return server
    if port:
        log.warning("metrics_port_taken", port=port)
    return None
