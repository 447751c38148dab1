"""The processes of a running storefront: what each one runs, started as a direct child that ends with us.

On Linux a part is forked from this process, which has imported the program once: four interpreters importing it side by side would
take longer than everything else together. Elsewhere (fork is unsafe on macOS) each part is a fresh interpreter.
"""

# ruff: noqa: PLC0415 a part imports what it runs, and is forked before it does anything else

import asyncio
import ctypes
import gc
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FORKS = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 30.0


def run_api() -> None:
    """Serve the API on granian."""
    from storefront.cli.serve import serve_api
    from storefront.settings import read_settings

    serve_api(read_settings())


def run_worker() -> None:
    """Work off the outbox."""
    from storefront.cli.work import gated_work
    from storefront.settings import read_settings

    asyncio.run(gated_work(read_settings()))


def run_simulator() -> None:
    """Play WeChat."""
    from storefront.simulators.run import serve_simulator

    host, port, state = (os.environ[f"SIMULATOR_{name}"] for name in ("HOST", "PORT", "STATE"))
    serve_simulator(host, int(port), state_path=Path(state))


def run_seed() -> None:
    """Write the demonstration, and end."""
    from storefront.cli.seed import write_demo
    from storefront.settings import read_settings

    settings = read_settings()
    write_demo(settings, home=Path(str(settings.storefront_home)), say=lambda line: print(line, flush=True))


PARTS: dict[str, Callable[[], None]] = {
    "api": run_api,
    "worker": run_worker,
    "simulator": run_simulator,
    "seed": run_seed,
}
API_RUNS = (
    "storefront.app",
    "granian.server.mp",
    "uvloop",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "httpcore",
)
OTHERS_RUN = ("storefront.worker", "storefront.simulators.run")
"""What `storefront up` runs beside the API. In production nothing of the simulators is loaded."""


def warm_up(*others: str) -> None:
    """Import what the parts run, so that they are forked with it. The imports start no thread."""
    if not FORKS:
        return
    gc.disable()  # nothing imported becomes garbage; looking for it costs a fifth of the time
    for module in (*API_RUNS, *others):
        importlib.import_module(module)
    gc.freeze()
    gc.enable()


def keep_bytecode(folder: Path) -> None:
    """Where the interpreter may not write bytecode beside the sources, keep it in our own folder: compiling anew takes seconds."""
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        sys.pycache_prefix = str(folder)
        sys.dont_write_bytecode = False


@dataclass(slots=True)
class Part:
    """A started part."""

    name: str
    log: Path | None
    started: multiprocessing.process.BaseProcess

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.started.exitcode is not None

    def last_words(self, *, lines: int = 12) -> str:
        """The end of its log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def ask_to_stop(self) -> None:
        """Ask it to finish what it is doing and end."""
        if not self.ended():
            self.started.terminate()

    def wait(self, *, seconds: float = STOP_SECONDS) -> bool:
        """Wait for its end; a part that does not end is killed. True if it ended by itself."""
        self.started.join(seconds)
        if self.ended():
            return True
        self.started.kill()
        self.started.join()
        return False


def start_part(
    name: str, *, log: Path | None, environment: Mapping[str, str], private: tuple[int, ...] = ()
) -> Part:
    """Start a part with its output in `log` (or on our terminal); `private` descriptors, like the folder's lock, are not for it."""
    sys.stdout.flush()
    told = {
        "log": None if log is None else str(log),
        "environment": dict(environment),
        "parent": os.getpid(),
        "private": private if FORKS else (),
    }
    kind = (
        multiprocessing.get_context("fork").Process if FORKS else multiprocessing.get_context("spawn").Process
    )
    started = kind(target=_become, args=(name,), kwargs=told, name=f"storefront-{name}", daemon=False)
    started.start()
    return Part(name, log, started)


def _become(
    name: str, *, log: str | None, environment: dict[str, str], parent: int, private: tuple[int, ...]
) -> None:
    """In the child: cut loose from the terminal and the parent's locks, then run the part."""
    os.setsid()  # Ctrl-C reaches only the parent, which stops things in order
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if FORKS:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)
    for descriptor in private:
        os.close(descriptor)
    if log is not None:
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        for stream in (1, 2):
            os.dup2(sink, stream)
        os.close(sink)
    os.environ.update(environment)
    PARTS[name]()
