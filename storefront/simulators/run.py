"""Serves the simulator on loopback: inside a program (`running_simulator`) or in the foreground (`serve_simulator`)."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from storefront.simulators.app import create_simulator
from storefront.simulators.cast import introduce
from storefront.simulators.clock import SimulatorClock
from storefront.simulators.local_http import open_http_client
from storefront.simulators.remote import SimulatorControl

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
POLL_SECONDS = 0.01


class SimulatorNotStarted(RuntimeError):
    """The simulator's server ended or did not answer in time."""


@asynccontextmanager
async def running_simulator(
    *,
    host: str = LOOPBACK,
    port: int = 0,
    state_path: Path | None = None,
    seed: int = 0,
    clock: SimulatorClock | None = None,
) -> AsyncIterator[SimulatorControl]:
    """Run the simulator in this event loop and yield its control client, whose `url` is also the vendor's base URL."""
    closing = asyncio.Event()
    app = create_simulator(state_path=state_path, seed=seed, clock=clock, closing=closing)
    with _held_port(host, port) as bound:
        server = Server(
            app,
            address=host,
            port=bound,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
        )
        serving = asyncio.create_task(server.serve())
        try:
            async with open_http_client() as http:
                control = SimulatorControl(f"http://{host}:{bound}", http)
                await _answering(control, serving)
                yield control
        finally:
            closing.set()
            server.stop()  # type: ignore[no-untyped-call]
            await serving


class Cast(msgspec.Struct):
    """Who is there from the start: the file that says so, and the folder for the keys that are made."""

    path: Path
    keys: Path


def serve_simulator(
    host: str,
    port: int,
    *,
    state_path: Path | None = None,
    seed: int = 0,
    cast: Cast | None = None,
    say: Callable[[str], object] = str,
) -> None:
    """Run the simulator in the foreground until SIGINT or SIGTERM; raises CastUnreadable before it serves anybody."""
    asyncio.run(_serve(host, port, state_path=state_path, seed=seed, cast=cast, say=say))


async def _serve(
    host: str,
    port: int,
    *,
    state_path: Path | None,
    seed: int,
    cast: Cast | None,
    say: Callable[[str], object],
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_simulator(host=host, port=port, state_path=state_path, seed=seed) as control:
        if cast is not None:
            for line in await introduce(control, cast.path, keys=cast.keys):
                say(line)
        say(
            f"the simulator answers on {control.url} and shows itself at {control.url}/simulator/ (Ctrl-C stops it)"
        )
        await stop.wait()


@contextlib.contextmanager
def _held_port(host: str, port: int) -> Iterator[int]:
    """Bind without listening, so that the port stays ours while granian, which cannot report port 0, binds the same one."""
    with socket.socket() as holder:
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
        bound = int(holder.getsockname()[1])
        if sys.platform != "linux":
            # Elsewhere granian does not share ports: let go, and accept the moment in which another could take it.
            holder.close()
        yield bound


async def _answering(control: SimulatorControl, serving: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not serving.done():
                with contextlib.suppress(httpx.TransportError):
                    await control.books()
                    return
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise SimulatorNotStarted from error
    raise SimulatorNotStarted
