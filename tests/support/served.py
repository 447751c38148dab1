"""The app on a real port of the loopback, for whoever has to reach it from outside: the simulator's callbacks."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar import Litestar

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def serving(make_app: Callable[[str], Litestar]) -> AsyncIterator[str]:
    """Serve the app that `make_app(url)` returns, in this event loop; yields its url."""
    with socket.socket() as holder:
        # Bound without listening: the port stays ours while granian binds the same one.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((LOOPBACK, 0))
        port = int(holder.getsockname()[1])
        url = f"http://{LOOPBACK}:{port}"
        server = Server(
            make_app(url), address=LOOPBACK, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1,
            websockets=False, log_enabled=False,
        )  # fmt: skip
        running = asyncio.create_task(server.serve())
        try:
            await _listening(port)
            yield url
        finally:
            server.stop()
            await running


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return
