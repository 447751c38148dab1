"""A running storefront: servers, schema, demonstration and parts, brought up in order and taken down in the other.

Knows the order and the waiting; what is printed and when the program ends is `up`'s.
"""

# ruff: noqa: PLC0415 imported when needed: a second start needs neither Alembic nor the seeding

import asyncio
import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storefront.cli.home import announce, kept_keys, withdraw_announcement
from storefront.cli.parts import OTHERS_RUN, Part, keep_bytecode, start_part, warm_up
from storefront.embedded.servers import DATABASE, EmbeddedServers, launch_servers
from storefront.gate import GateClosed, key_faults, require_open
from storefront.migrations.head import head_revision
from storefront.provision import APP, MIGRATOR, WORKER, provision, role_statements, schema_statements
from storefront.settings import Settings, read_settings

READY_SECONDS = 60.0
SIMULATOR_HOST = "127.0.0.1"
SIMULATOR_OFFSET, METRICS_OFFSET = 100, 200
Say = Callable[[str], None]


class StartFailed(RuntimeError):
    """The storefront could not be brought up; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to bring up: where, on which ports, with or without the demonstration."""

    home: Path
    host: str
    port: int
    simulator_port: int
    metrics_port: int
    demo: bool


@dataclass(slots=True)
class Running:
    """What has been started so far."""

    wanted: Wanted
    environment: dict[str, str]
    servers: EmbeddedServers | None = None
    parts: list[Part] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings that the parts run under."""
        return read_settings(self.environment)

    @property
    def url(self) -> str:
        """The API's address on this machine."""
        return f"http://{self.wanted.host}:{self.wanted.port}"

    @property
    def simulator_url(self) -> str:
        """The simulator's address on this machine."""
        return f"http://{SIMULATOR_HOST}:{self.wanted.simulator_port}"

    @property
    def simulates(self) -> bool:
        """Whether WeChat is our simulator."""
        return any(part.name == "simulator" for part in self.parts)

    def start_part(self, name: str, *, on_terminal: bool = False) -> Part:
        """Start a part; the folder's lock stays ours."""
        private = () if self.servers is None else (self.servers.state.lock.fileno(),)
        log = None if on_terminal else self.wanted.home / f"{name}.log"
        part = start_part(name, log=log, environment=self.environment, private=private)
        self.parts.append(part)
        return part

    def ended_part(self) -> Part | None:
        """A part that should run and does not."""
        return next((part for part in self.parts if part.ended()), None)

    def stop(self) -> list[str]:
        """Stop the parts (the API first, so that requests under way are finished), then the servers; names of what was killed."""
        killed = []
        for name in ("api", "worker", "seed", "simulator"):
            for part in (each for each in self.parts if each.name == name):
                part.ask_to_stop()
                if not part.wait():
                    killed.append(name)
        withdraw_announcement(self.wanted.home)
        if self.servers is not None:
            killed += self.servers.stop()
        return killed


def bring_up(wanted: Wanted, *, say: Say) -> Running:
    """Bring everything up and return once the API answers that it is ready; on failure nothing stays running."""
    wanted.home.mkdir(parents=True, exist_ok=True)
    keep_bytecode(wanted.home / "bytecode")
    _require_ports(wanted)
    running = Running(wanted, _base_environment(wanted))
    faults = key_faults(running.settings)
    if faults:
        raise GateClosed(faults)
    try:
        _start_servers(running, say=say)
        say("loading the program")
        warm_up(*OTHERS_RUN)  # while the servers start
        if running.servers is not None:
            running.servers.wait_ready()
        _prepare_schema(running, say=say)
        _start_simulator(running, say=say)
        _seed(running, say=say)
        _pass_gate(running)
        running.start_part("api")
        announce(wanted.home, running.environment)
        wait_for(running, f"{running.url}/health/ready", part="api")
        running.start_part("worker")
    except BaseException:
        running.stop()
        raise
    return running


def _base_environment(wanted: Wanted) -> dict[str, str]:
    """What the parts find in their environment: ours, completed by what this folder keeps."""
    environment = {name: value for name, value in os.environ.items() if value}
    keys = kept_keys(wanted.home)
    environment.setdefault("STOREFRONT_MASTER_KEYS", keys.master_keys)
    environment.setdefault("STOREFRONT_TOKEN_KEY", keys.token_key)
    environment |= {
        "STOREFRONT_HOME": str(wanted.home),
        "STOREFRONT_HOST": wanted.host,
        "STOREFRONT_PORT": str(wanted.port),
        "STOREFRONT_METRICS_PORT": str(wanted.metrics_port),
        "SIMULATOR_HOST": SIMULATOR_HOST,
        "SIMULATOR_PORT": str(wanted.simulator_port),
        "SIMULATOR_STATE": str(wanted.home / "simulator.state"),
    }
    environment.setdefault("WECHAT_PAY_URL", f"http://{SIMULATOR_HOST}:{wanted.simulator_port}")
    environment.setdefault("WECHAT_API_URL", f"http://{SIMULATOR_HOST}:{wanted.simulator_port}")
    environment.setdefault("WECOM_URL", f"http://{SIMULATOR_HOST}:{wanted.simulator_port}")
    return environment


def _start_servers(running: Running, *, say: Say) -> None:
    given = running.settings
    own_postgres, own_valkey = given.database_url is None, given.redis_url is None
    if not own_postgres and (given.database_worker_url is None or given.database_admin_url is None):
        raise StartFailed(
            "DATABASE_URL is set, so DATABASE_WORKER_URL (as app_worker) and DATABASE_ADMIN_URL (as app_migrator)"
            " are needed too; `storefront migrate --print-roles` prints how these roles are made"
        )
    if not own_postgres and not own_valkey:
        say("using the database and Redis of the environment")
        return
    names = [name for name, own in (("PostgreSQL", own_postgres), ("Valkey", own_valkey)) if own]
    say(f"starting {' and '.join(names)} in {running.wanted.home}")
    running.servers = launch_servers(
        running.wanted.home, with_postgres=own_postgres, with_valkey=own_valkey, say=say
    )
    if own_valkey:
        running.environment["REDIS_URL"] = running.servers.redis_url
    if own_postgres:
        running.environment |= {
            "DATABASE_URL": running.servers.database_url(APP),
            "DATABASE_WORKER_URL": running.servers.database_url(WORKER),
            "DATABASE_ADMIN_URL": running.servers.database_url(MIGRATOR),
        }


def _prepare_schema(running: Running, *, say: Say) -> None:
    """Roles and revisions, unless this folder's note says that its own cluster has just these; the gate looks again anyway."""
    servers = running.servers
    own = servers is not None and servers.postgres is not None
    state = hashlib.sha256("\n".join([*role_statements(), *schema_statements()]).encode()).hexdigest()
    mark, note = f"{state} {head_revision()}", running.wanted.home / "schema"
    if own and note.exists() and note.read_text() == mark:
        return
    if own and servers is not None:
        say("setting up roles, database and extensions")
        asyncio.run(provision(servers.superuser_url, database=DATABASE))
    from storefront.migrations.run import upgrade

    say(f"migrating to revision {head_revision()}")
    asyncio.run(upgrade(running.environment["DATABASE_ADMIN_URL"]))
    if own:
        note.write_text(mark)


def _start_simulator(running: Running, *, say: Say) -> None:
    if running.environment["WECHAT_PAY_URL"] != running.simulator_url:
        return
    say("starting the WeChat simulator")
    running.start_part("simulator")


def _seed(running: Running, *, say: Say) -> None:
    """Write the demonstration once. It pays against the simulator only, so with the real WeChat there is none."""
    from storefront.cli.seed import REPORT

    if not running.wanted.demo or not running.simulates or (running.wanted.home / REPORT).exists():
        return
    wait_for(running, f"{running.simulator_url}/", part="simulator", any_answer=True)
    say("writing the demonstration (once)")
    part = running.start_part("seed", on_terminal=True)
    part.wait(seconds=600)
    running.parts.remove(part)
    if part.started.exitcode:
        raise StartFailed("the demonstration could not be written (see above); `--empty` starts without it")


def _pass_gate(running: Running) -> None:
    asyncio.run(require_open(running.settings))


def _require_ports(wanted: Wanted) -> None:
    """Refuse before anything starts when a port of ours is taken, saying whose it would be."""
    _require_free(wanted.port, host=wanted.host, use="the API", change="--port")
    _require_free(wanted.simulator_port, host=SIMULATOR_HOST, use="the simulator", change="--port")
    if wanted.metrics_port:
        _require_free(
            wanted.metrics_port, host=wanted.host, use="the metrics",
            change="STOREFRONT_METRICS_PORT or --port",
        )  # fmt: skip


def _require_free(port: int, *, host: str, use: str, change: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartFailed(
                f"{use}: port {port} on {host} cannot be used ({error.strerror}): choose another with {change}"
            ) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def ask(
    url: str, *, method: str = "GET", body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One HTTP request to our own parts, without a client library."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        content = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})} if content else (headers or {})
        connection.request(method, f"/{path}", body=content, headers=given)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(running: Running, url: str, *, part: str, any_answer: bool = False) -> None:
    """Wait until this address answers 200 (or anything at all); a part that ends meanwhile is the reason it never will."""
    deadline, status, said = time.monotonic() + READY_SECONDS, 0, b""
    while time.monotonic() < deadline:
        ended = running.ended_part()
        if ended is not None:
            raise StartFailed(f"the {ended.name} ended; its log {ended.log} says:\n{ended.last_words()}")
        try:
            status, said = ask(url)
        except OSError:
            status = 0
        if status == http.client.OK or (status and any_answer):
            return
        time.sleep(0.02)
    words = said.decode(errors="replace") if status else "no answer"
    raise StartFailed(f"the {part} is not ready after {READY_SECONDS:.0f} s at {url}: {words}")
