"""A whole storefront whose processes can be killed and come back: PostgreSQL, the API, the worker. The simulators play WeChat and stay."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from storefront.cli.running import Running, Wanted, bring_up, free_port
from storefront.embedded.children import Child, start_child
from storefront.embedded.postgres import start_postgres, wait_for_postgres

WORKER = "from storefront.cli.parts import run_worker; run_worker()"
ANSWERS_WITHIN = 60.0
API_REST_SECONDS = 12.0


@dataclass
class Stage:
    """What runs, and how to kill it."""

    running: Running
    workers: list[Child] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    api_killed_at: float = -100.0

    def kill(self, name: str) -> None:
        """End it with SIGKILL: nothing is finished, nothing is said."""
        if name == "api":
            # granian gives up on a process that fails twice within seconds; whoever runs it in earnest starts granian again.
            if time.monotonic() - self.api_killed_at < API_REST_SECONDS:
                return
            self.api_killed_at = time.monotonic()
        self.kills[name] = self.kills.get(name, 0) + 1
        getattr(self, f"_kill_{name}")()

    def _kill_postgres(self) -> None:
        """The postmaster and every backend at one moment, as a power cut would."""
        child = self.running.servers.postgres if self.running.servers else None
        if child is not None:
            os.killpg(child.pid, signal.SIGKILL)
            child.popen.wait()

    def _kill_api(self) -> None:
        """The process that serves; granian's own supervisor starts another."""
        (api,) = [part for part in self.running.parts if part.name == "api"]
        for pid in _children(api.started.pid):
            os.kill(pid, signal.SIGKILL)

    def _kill_worker(self) -> None:
        for part in [each for each in self.running.parts if each.name == "worker"]:
            part.started.kill()
            part.started.join()
            self.running.parts.remove(part)
        while self.workers:
            child = self.workers.pop()
            child.popen.kill()
            child.popen.wait()

    async def restore(self, name: str) -> None:
        """Bring back what does not come back by itself."""
        if name == "postgres":
            await self._start_postgres()
        if name == "worker":
            self._start_worker()

    async def _start_postgres(self) -> None:
        servers = self.running.servers
        if servers is None or servers.binaries is None:
            raise RuntimeError("this stage has no PostgreSQL of its own")
        servers.postgres = start_postgres(
            servers.state, binaries=servers.binaries, run=servers.run, throwaway=False
        )
        await asyncio.to_thread(wait_for_postgres, servers.state, servers.postgres)

    def _start_worker(self) -> None:
        environment = {**self.running.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = start_child(
            "worker",
            [sys.executable, "-c", WORKER],
            folder=self.running.wanted.home,
            log=self.running.wanted.home / "worker.log",
            environment=environment,
        )
        self.workers.append(child)

    def revive_ended(self) -> None:
        """A worker that started while the database was away has met a closed gate; whoever runs it in earnest starts it again."""
        if self.workers and self.workers[-1].ended():
            self.workers.pop()
            self._start_worker()

    def close(self) -> None:
        """Stop everything."""
        for child in self.workers:
            child.ask_to_stop()
        for child in self.workers:
            child.wait()
        self.running.stop()


def open_stage(home: Path) -> Stage:
    """Bring a demonstration up in this folder."""
    wanted = Wanted(home, "127.0.0.1", free_port(), free_port(), 0, demo=True)
    return Stage(bring_up(wanted, say=lambda line: print(f"  {line}", flush=True)))


def _children(pid: int | None) -> list[int]:
    deadline = time.monotonic() + ANSWERS_WITHIN
    while time.monotonic() < deadline:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if listed:
            return [int(each) for each in listed]
        time.sleep(0.02)
    raise RuntimeError("the API has no serving process")
