"""The app as it is really served: granian, sockets, signals. What an in-process test cannot see."""

import asyncio
import json
import os
import signal
import socket
import sys

import pytest

from tests.support.http import KEYS
from tests.support.shop import add_product, add_store, sell

START = "from storefront.cli.serve import serve_api; from storefront.settings import read_settings; serve_api(read_settings())"
BODY = b'{"tenantCode":"nobody","login":"x","password":"y"}'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment_of(settings, *, port: int) -> dict[str, str]:
    """The environment that says what these settings say."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    for name in settings.__struct_fields__:
        if isinstance(value := getattr(settings, name), str):
            environment[name.upper()] = value
    return environment | {
        "STOREFRONT_PORT": str(port),
        "STOREFRONT_METRICS_PORT": "0",
        "STOREFRONT_LOG_LEVEL": "INFO",
    }


@pytest.fixture
async def server(settings):
    """A granian process over the run's servers; yields its port, and the process."""
    port = free_port()
    environment = environment_of(settings, port=port)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await until_alive(port, process)
        yield port, process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def until_alive(port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(600):
        assert process.returncode is None, (await process.communicate())[1].decode()[-2000:]
        try:
            if b"200 OK" in await ask(
                port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ):
                return
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("the server did not come up")


async def ask(port: int, request: bytes) -> bytes:
    """Send raw bytes; read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


def request(method: bytes, path: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def parsed(answer: bytes) -> tuple[int, dict]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body.startswith(b"{") else {}


JSON = b"Content-Type: application/json"
RAW = {
    "a path of broken UTF-8": request(b"GET", b"/shopper/v1/%ff%fe/x"),
    "raw bytes in the path": request(b"GET", b"/shopper/v1/\xff\xfe"),
    "NUL in the path": request(b"GET", b"/operator/v1/tenants/%00"),
    "broken UTF-8 in the query": request(b"GET", b"/operator/v1/tenants?cursor=%ff%fe"),
    "raw bytes in a header": request(b"GET", b"/operator/v1/tenants", b"Authorization: Bearer \xff\xfe"),
    "raw bytes in the tenant header": request(b"GET", b"/shopper/v1/home", b"X-Tenant-Id: \xff\xfe"),
    "raw bytes in the request id": request(
        b"GET", b"/nowhere", b"X-Request-Id: \xff\xfe\xff\xfe\xff\xfe\xff\xfe"
    ),
    "a length shorter than the body": request(
        b"POST", b"/staff/v1/sessions", JSON, b"Content-Length: 5", body=BODY
    ),
    "a gzipped body": request(
        b"POST",
        b"/staff/v1/sessions",
        JSON,
        b"Content-Encoding: gzip",
        b"Content-Length: 4",
        body=b"\x1f\x8b\x08\x00",
    ),
}


async def test_granian_started_without_our_command_meets_the_gate_too(settings):
    environment = environment_of(settings, port=free_port()) | {"DATABASE_URL": settings.database_admin_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "granian", "storefront.app:serve", "--factory", "--interface", "asgi",
        "--port", environment["STOREFRONT_PORT"], env=environment,
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode != 0
    assert b"may bypass row-level security" in stdout + stderr


async def test_what_production_serves_loads_nothing_of_the_simulators():
    code = "import sys; from storefront.cli.parts import warm_up; import storefront.cli.serve; warm_up();"
    code += (
        "print([name for name in sys.modules if 'simulator' in name or name.startswith('storefront.demo')])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    stdout, _ = await asyncio.wait_for(process.communicate(), 60)
    assert stdout.decode().strip() == "[]"


async def test_a_search_typed_without_escapes_is_understood(server, tenant):
    port, _ = server
    async with tenant.writing() as db:
        await add_store(db)
        await sell(db, await add_product(db, "女士风衣"))
    who = f"X-Tenant-Id: {tenant.tenant_id}".encode()
    for query in ("q=风衣".encode(), b"q=%E9%A3%8E%E8%A1%A3"):
        status, body = parsed(await ask(port, request(b"GET", b"/shopper/v1/listings?" + query, who)))
        assert (status, [each["title"] for each in body["data"]["items"]]) == (200, ["女士风衣"])
    status, body = parsed(await ask(port, request(b"GET", b"/shopper/v1/listings?q=\xff\xfe", who)))
    assert status < 500


async def test_it_serves_stands_raw_bytes_and_stops_without_dropping_a_request(server):
    port, process = server
    for name, raw in RAW.items():
        status, body = parsed(await ask(port, raw))
        assert 400 <= status < 500, name
        assert not body or body.keys() - {"details"} == KEYS, name

    huge = request(b"POST", b"/staff/v1/sessions", JSON, b"Content-Length: 2000000", body=b" " * 70_000)
    assert parsed(await ask(port, huge))[1]["code"] == "BODY_TOO_LARGE"

    # A request that is under way when the process is told to stop is answered, and nothing new is taken.
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = f"Content-Length: {len(BODY)}".encode()
    writer.write(request(b"POST", b"/staff/v1/sessions", JSON, length, body=BODY[:10]))
    await writer.drain()
    await asyncio.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    writer.write(BODY[10:])
    await writer.drain()
    status, body = parsed(await asyncio.wait_for(reader.read(), 20))
    writer.close()
    assert (status, body["code"]) == (403, "LOG_IN_REFUSED")
    stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, stderr.decode()[-2000:]
    for line in stderr.decode().splitlines():
        if line.startswith("{"):
            assert json.loads(line)["event"] in {"request", "library"}, line
    assert b"Traceback" not in stdout + stderr
