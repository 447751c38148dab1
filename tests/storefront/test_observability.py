"""Logs say who, what and how long; they hold no personal data and no secret, whatever goes wrong."""

import io
import json
import logging
import socket
import sys
from unittest.mock import patch
from urllib.request import urlopen

import msgspec
import pytest
import structlog
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from prometheus_client import generate_latest
from sqlalchemy import text

from storefront import observability
from storefront.app import create_app
from storefront.auth import CurrentTenant, public, shopper, visitor
from storefront.frame import refusals
from storefront.observability import FIELDS, REGISTRY, configure_logging, start_metrics
from storefront.reactions import in_transaction
from storefront.wiring import wire
from storefront.worker import Worker
from tenants.kernel import outbox
from tenants.kernel.errors import Conflict
from tenants.queries import find_tenant
from tests.support.http import Client

CANARIES = {
    "phone": "13912340077",
    "openid": "oCanary_uXj8sK2mPq0",
    "password": "canary-correct-horse",
    "api_key": "CanaryApiV3KeyCanaryApiV3Key0032",
    "session_key": "Y2FuYXJ5LXNlc3Npb24ta2V5",
    "name": "金丝雀女士",
    "address": "丽景花园9号楼1801",
}
ALL = " ".join(CANARIES.values())


class Told(msgspec.Struct, frozen=True):
    """A body full of secrets."""

    text: str


class Leaked(msgspec.Struct, frozen=True, kw_only=True):
    """An event full of secrets."""

    text: str


class SecretClash(Conflict):
    """It clashes."""

    zh = "冲突"


@post("/test/v1/told/{word:str}", operation_id="testTold", guards=[public])
async def told(word: FromPath[str], data: JSONBody[Told], q: FromQuery[str] = "") -> None:
    """Fail with everything one knows in the message."""
    try:
        _ = {}[data.text]
    except KeyError as error:
        raise RuntimeError(f"could not serve {word} {q} {data!r}") from error


@post("/test/v1/clash", operation_id="testClash", guards=[public], responses=refusals(SecretClash))
async def clash(data: JSONBody[Told]) -> None:
    """Refuse with fields."""
    raise SecretClash(text=data.text, details={"text": "taken"})


@post("/test/v1/row", operation_id="testRow", guards=[shopper])
async def row(data: JSONBody[Told], tenant: CurrentTenant) -> None:
    """Let the database quote our values back at us."""
    async with tenant.writing() as db:
        for _ in range(2):
            await db.execute(
                text(
                    "INSERT INTO app.idempotency_keys (tenant_id, principal, route, key, fingerprint, expires_at)"
                    " VALUES (:t, :v, 'r', 'k', :v, now())"
                ),
                {"t": tenant.tenant_id, "v": data.text},
            )


@get("/test/v1/library", operation_id="testLibrary", guards=[visitor])
async def library(tenant: CurrentTenant, word: FromQuery[str]) -> None:
    """Libraries log what they like."""
    logger = logging.getLogger("some.library")
    logger.error("refused %s for %s", word, tenant)
    logger.error(f"refused {word}")  # noqa: G004 the worst a library does
    try:
        int(word)
    except ValueError:
        logger.exception("failed for %s", word)


@pytest.fixture
def log_lines():
    """Everything this process logs, at the most talkative level."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level, ours = root.handlers, root.level, logging.getLogger("storefront").level
    with patch.object(sys, "stderr", stream):
        configure_logging("DEBUG")
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("storefront").setLevel(ours)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def client(app) -> Client:
    return Client(create_app(wiring=app.state.wiring, routes=[told, clash, row, library]))


async def go_everywhere(client: Client, tenant, worker_database, redis, now) -> list[str]:
    """Carry the canaries along every path that a request or an event can take; returns further secrets made on the way."""
    async with tenant.reading() as db:
        brand = await find_tenant(db)
    buyer = client.as_shopper(tenant)
    body = {"text": ALL}
    headers = {
        "x-canary": CANARIES["api_key"],
        "cookie": CANARIES["session_key"],
        "x-request-id": "kept-request-id",
    }
    await client.post(f"/test/v1/told/{CANARIES['phone']}?q={CANARIES['openid']}", json=body, headers=headers)
    await client.post("/test/v1/clash", json=body)
    await buyer.post("/test/v1/row", json=body)
    await client.as_visitor(tenant).get(f"/test/v1/library?word={CANARIES['name']}")
    await client.get(f"/nowhere/{CANARIES['phone']}?openid={CANARIES['openid']}")
    await client.post("/test/v1/clash", content=b'{"text": "' + ALL.encode())
    await client.post("/test/v1/clash", json={CANARIES["address"]: ALL})
    await client.with_headers(authorization=f"Bearer {CANARIES['api_key']}").get("/operator/v1/tenants")
    await client.get("/test/v1/library?word=x", headers={"x-tenant-id": CANARIES["openid"]})
    for login in (
        {"login": "x", "password": CANARIES["password"]},
        {"login": CANARIES["phone"], "password": "x"},
    ):
        await client.post("/staff/v1/sessions", json={"tenantCode": brand.code, **login})
        await client.post("/operator/v1/sessions", json=login)
    token = f"{brand.public_code}.{CANARIES['session_key']}"
    await client.post("/staff/v1/sessions/refresh", json={"refreshToken": token})
    await react(client, tenant, worker_database, redis, now)
    return [buyer.headers["authorization"].removeprefix("Bearer "), token]


async def react(client, tenant, worker_database, redis, now) -> None:
    async def fail(_db, fact, *, now):
        raise RuntimeError(fact.text)

    async with tenant.writing() as db:
        event_id = await outbox.append(db, Leaked(text=ALL), now=now)
    wiring = wire(
        client.wiring.settings, database=worker_database, redis=redis, passwords=client.wiring.passwords
    )
    await Worker(wiring, subscriptions={Leaked: (in_transaction("fail", fail),)}).run_once()
    await wiring.http.aclose()
    async with tenant.reading() as db:
        kept = await db.execute(
            text("SELECT last_error FROM app.outbox WHERE tenant_id = :t AND id = :id"),
            {"t": tenant.tenant_id, "id": event_id},
        )
        last_error = kept.scalar_one()
    assert not any(canary in last_error for canary in CANARIES.values())


def hits(text_: str, secrets: list[str]) -> set[str]:
    return {secret for secret in [*CANARIES.values(), *secrets] if secret in text_}


async def test_no_canary_reaches_the_logs(client, tenant, worker_database, redis, now, log_lines):
    secrets = await go_everywhere(client, tenant, worker_database, redis, now)
    logged = log_lines.getvalue()
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {"request", "request_broken", "reaction_failed", "library"} <= {line["event"] for line in lines}
    assert hits(logged, secrets) == set()
    assert hits(generate_latest(REGISTRY).decode(), secrets) == set()
    assert {key for line in lines for key in line} <= FIELDS


async def test_control_a_careless_log_would_have_been_caught(
    client, tenant, worker_database, redis, now, log_lines, monkeypatch
):
    """The famous bug put back: exception texts, message arguments and request reprs in the log."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("%(message)s %(exc_text)s"))
    careless = observability.log.error
    monkeypatch.setattr(
        "storefront.frame.report_failure",
        lambda event, error: logging.getLogger("x").error("%s %r", event, error),
    )
    secrets = await go_everywhere(client, tenant, worker_database, redis, now)
    careless("done")
    assert len(hits(log_lines.getvalue(), secrets)) > 4


async def test_a_field_that_is_not_on_the_list_never_reaches_a_line(log_lines):
    observability.log.warning("event_parked", attempts=3, body=ALL, phone=CANARIES["phone"])
    (line,) = [json.loads(each) for each in log_lines.getvalue().splitlines()]
    assert line["attempts"] == 3
    assert line.keys() == {"event", "level", "timestamp", "attempts"}


async def test_a_requests_line_says_who_what_and_how_long(client, tenant, log_lines):
    buyer = client.as_shopper(tenant)
    response = await buyer.post("/test/v1/row", json={"text": "x"}, headers={"x-request-id": "front-0001"})
    lines = {
        line["event"]: line
        for line in map(json.loads, log_lines.getvalue().splitlines())
        if line["event"] != "library"
    }
    line = lines["request"]
    assert (line["operation"], line["method"], line["status"]) == ("testRow", "POST", response.status_code)
    assert line["request_id"] == "front-0001"
    assert line["tenant_id"] == str(tenant.tenant_id)
    assert line["actor"].startswith("shopper:")
    assert line["milliseconds"] > 0
    broken = lines["request_broken"]
    assert (broken["sqlstate"], broken["constraint"]) == ("23505", "idempotency_keys_pk")
    assert any("test_observability.py" in place for place in broken["places"])


async def test_the_next_request_does_not_inherit_the_last_ones_actor(client, tenant, log_lines):
    await client.as_shopper(tenant).get("/operator/v1/tenants")
    await client.as_shopper(tenant).post("/test/v1/row", json={"text": "y"})
    await client.get("/health/live")
    last = [json.loads(line) for line in log_lines.getvalue().splitlines() if '"request"' in line][-1]
    assert last["operation"] == "isAlive"
    assert "actor" not in last
    assert "tenant_id" not in last


async def test_a_guests_line_names_the_brand(client, tenant, log_lines):
    await client.as_visitor(tenant).get("/test/v1/library?word=7")
    line = [json.loads(line) for line in log_lines.getvalue().splitlines() if '"testLibrary"' in line][-1]
    assert line["tenant_id"] == str(tenant.tenant_id)


async def test_reads_that_go_well_are_told_at_level_debug_only(client, log_lines):
    logging.getLogger("storefront").setLevel(logging.INFO)
    await client.get("/health/live")
    assert log_lines.getvalue() == ""
    await client.get("/nowhere")
    assert '"ROUTE_NOT_FOUND"' in log_lines.getvalue()


async def test_metrics_count_requests_by_operation_and_status(client):
    def counted() -> float:
        labels = {"operation": "isAlive", "status": "200"}
        return REGISTRY.get_sample_value("storefront_requests_total", labels) or 0

    before = counted()
    await client.get("/health/live")
    assert counted() == before + 1


@pytest.fixture
def free_port():

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_metrics_have_their_own_port_and_a_second_process_takes_the_next(free_port, log_lines):
    opened = [start_metrics(free_port, host="127.0.0.1", instances=2) for _ in range(2)]
    try:
        for number in range(2):
            with urlopen(f"http://127.0.0.1:{free_port + number}/metrics") as answer:
                assert b"storefront_requests" in answer.read()
        assert start_metrics(free_port, host="127.0.0.1", instances=2) is None
        assert '"metrics_port_taken"' in log_lines.getvalue()
    finally:
        for server, thread in opened:
            server.shutdown()
            server.server_close()
            thread.join()


def test_port_zero_means_no_metrics(log_lines):
    assert start_metrics(0, host="127.0.0.1") is None
    assert log_lines.getvalue() == ""
