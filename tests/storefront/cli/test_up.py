"""`storefront up` as a person meets it: a process that says what it does, serves, keeps its data and leaves nothing behind."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from storefront.cli import up
from storefront.cli.running import free_port
from storefront.embedded.children import is_running

ROOT = Path(__file__).parents[3]
PATIENCE = 120


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="storefront-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def outside(settings):
    """This process's database and Redis, as an environment names them."""
    return {
        "DATABASE_URL": settings.database_url,
        "DATABASE_WORKER_URL": settings.database_worker_url,
        "DATABASE_ADMIN_URL": settings.database_admin_url,
        "REDIS_URL": settings.redis_url,
    }


STARTED = []


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """A test that fails midway must not leave its storefront running."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()
        process.stdout.close()


def storefront(*arguments, **environment):
    given = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "REDIS"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "storefront.cli.main", *map(str, arguments)],
        cwd=ROOT,
        env=given | {"COLUMNS": "200"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    STARTED.append(process)
    return process


def wait_until_up(process):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C stops everything" in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def stop(process, number=signal.SIGINT):
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    return said


def processes_of(home):
    """Every process that names this folder, ours or PostgreSQL's."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(home) in line]


def test_up_serves_stops_cleanly_is_up_again_with_its_data_and_passes_its_own_check(home):
    port = free_port()
    first = storefront("up", "--data", home, "--port", port)
    said = wait_until_up(first)
    assert f"http://127.0.0.1:{port + 200}/metrics" in said
    assert f"http://127.0.0.1:{port}/docs" in said
    lines = [line for line in said.splitlines() if line.startswith("curl ")]
    assert len(lines) == 3
    assert all(shlex.quote(each) != each for line in lines for each in re.findall(r"'[^']*'", line))
    assert not any(
        set("?&*[") & set(re.sub(r"'[^']*'", "", line)) for line in lines
    )  # zsh would look for files
    for line in lines:
        answered = subprocess.run(
            ["bash", "-c", f"{line} -o /dev/stderr -w '%{{http_code}}'"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert answered.stdout in ("200", "201"), (line, answered)
    keys = (home / "keys.json").read_bytes()
    assert {
        oct((home / name).stat().st_mode & 0o777) for name in ("keys.json", "demo.json", "running.json")
    } == {"0o600"}
    if sys.platform.startswith("linux"):
        shown = ["ps", "--ppid", str(first.pid), "-o", "comm="]
        names = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()
        assert {"storefront-api", "storefront-work", "storefront-simu"} <= set(names)
    assert "stopped" in stop(first)
    assert first.returncode == 0
    assert processes_of(home) == []
    assert not (home / "running.json").exists()

    began = time.monotonic()
    second = storefront("up", "--data", home, "--port", port, STOREFRONT_METRICS_PORT=str(free_port()))
    said_again = wait_until_up(second)
    assert "writing the demonstration" not in said_again
    assert (home / "keys.json").read_bytes() == keys
    assert time.monotonic() - began < 20  # two seconds on a quiet machine; here others may be busy
    stop(second, signal.SIGTERM)
    assert second.returncode == 0

    tested = storefront("up", "--check", "--data", home)
    said, _ = tested.communicate(timeout=PATIENCE)
    assert (tested.returncode, "✗" in said) == (0, False), said
    assert "a shopper logs in" in said
    assert processes_of(home) == []


def test_check_fails_with_the_reason_when_something_is_wrong(home):
    keys = {"master_keys": "home:not base64", "token_key": "c2hvcnQ="}
    (home / "keys.json").write_text(json.dumps(keys))
    process = storefront("up", "--check", "--empty", "--data", home)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "STOREFRONT_TOKEN_KEY must hold at least 32 bytes" in said
    assert processes_of(home) == []


def test_a_taken_port_is_named_before_anything_starts(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = storefront("up", "--data", home, "--port", port)
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"the API: port {port} on 127.0.0.1 cannot be used" in said
    assert not (home / "pg18").exists()


@pytest.mark.parametrize(("above", "use"), [(100, "the simulator"), (200, "the metrics")])
def test_a_taken_port_above_the_apis_is_named_with_its_use(home, above, use):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = storefront("up", "--data", home, "--port", port - above)
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"{use}: port {port} on 127.0.0.1 cannot be used" in said


def test_a_port_without_room_above_it_is_refused_in_words(home):
    process = storefront("up", "--data", home, "--port", 65_500)
    said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in said) == (2, False)
    process = storefront("up", "--data", home, STOREFRONT_PORT="65500")
    said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in said, "STOREFRONT_PORT is 65500" in said) == (1, False, True)


def test_ctrl_c_while_it_starts_says_stopped_and_leaves_nothing(home):
    process = storefront("up", "--empty", "--data", home, "--port", free_port())
    assert "starting" in process.stdout.readline()
    said = stop(process)
    assert (process.returncode, said.splitlines()[-1:]) == (130, ["stopped"]), said
    assert processes_of(home) == []


def test_with_urls_in_the_environment_no_server_is_started(home, outside):
    process = storefront("up", "--check", "--empty", "--data", home, **outside)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "using the database and Redis of the environment" in said
    assert not (home / "pg18").exists()


def test_a_database_url_without_its_two_companions_is_refused_in_words(home, settings):
    process = storefront("up", "--check", "--empty", "--data", home, DATABASE_URL=settings.database_url)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "DATABASE_WORKER_URL" in said


def test_the_gate_keeps_the_api_from_starting_as_the_migrator(home, outside, settings):
    given = outside | {"DATABASE_URL": settings.database_admin_url}
    process = storefront("up", "--check", "--empty", "--data", home, **given)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "app_migrator may bypass row-level security" in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the death signal")
def test_every_part_ends_with_a_supervisor_that_was_killed(home, outside):
    port = free_port()
    given = outside | {"STOREFRONT_METRICS_PORT": str(free_port())}
    process = storefront("up", "--empty", "--data", home, "--port", port, **given)
    wait_until_up(process)
    assert httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).status_code == 200
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while processes_of(home) or _answers(port):
        assert time.monotonic() < deadline, processes_of(home)
        time.sleep(0.1)
    assert not is_running(process.pid, marker="storefront")


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def signals():
    """Whatever a test does to the handlers is undone."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_signal_that_arrives_inside_an_event_loops_callback_stops_and_a_second_one_does_not_disturb(
    signals,
):
    """An event loop reports what a callback raises and goes on, unless it is of KeyboardInterrupt's kind."""
    signal.signal(signal.SIGTERM, up._stop)

    async def migrate() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        await asyncio.sleep(5)

    began = time.monotonic()
    with pytest.raises(up.StopAsked):
        asyncio.run(migrate())
    assert time.monotonic() - began < 4
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
