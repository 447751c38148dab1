"""Puts the simulator together as one ASGI application: the vendor's paths and the control API, with callbacks sent meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from litestar import Litestar

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.control import Control, control_routes
from storefront.simulators.page import page_routes
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.login import login_routes
from storefront.simulators.wechat_mini.mini_routes import MiniServer, mini_routes
from storefront.simulators.wechat_pay.bill_routes import bill_routes, guide_routes
from storefront.simulators.wechat_pay.brand_routes import brand_routes
from storefront.simulators.wechat_pay.callbacks import Callbacks
from storefront.simulators.wechat_pay.gateway import Gateway
from storefront.simulators.wechat_pay.pay_routes import pay_routes
from storefront.simulators.wechat_pay.split_routes import split_routes
from storefront.simulators.wecom.wecom_routes import WecomServer, wecom_routes


def create_simulator(
    *,
    state_path: Path | None = None,
    seed: int = 0,
    clock: SimulatorClock | None = None,
    closing: asyncio.Event | None = None,
) -> Litestar:
    """Build the simulator; the same seed and the same order of calls give the same ids and nonces (keys are always fresh).

    With `state_path` everything is kept in that file and read back at the next start. Setting `closing` ends answers that a fault
    keeps hanging, so that a server can stop.
    """
    simulation = Simulation(state_path=state_path, seed=seed, clock=clock)
    ends = closing or asyncio.Event()
    callbacks = Callbacks(simulation)

    @asynccontextmanager
    async def delivering(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(callbacks.run())
        try:
            yield
        finally:
            ends.set()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await callbacks.aclose()

    gateway, control = Gateway(simulation, callbacks, closing=ends), Control(simulation, callbacks)
    return Litestar(
        route_handlers=[
            *pay_routes(gateway),
            *split_routes(gateway),
            *brand_routes(gateway),
            *bill_routes(gateway),
            *guide_routes(gateway),
            *login_routes(simulation, ends),
            *mini_routes(MiniServer(simulation, callbacks, closing=ends)),
            *wecom_routes(WecomServer(simulation, callbacks, closing=ends)),
            *control_routes(control),
            *page_routes(control),
        ],
        lifespan=[delivering],
        openapi_config=None,
        logging_config=None,
    )
