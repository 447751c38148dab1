"""The HTTP application: `create_app()` for granian and for tests. Joins routes, guards, frame and lifespan; decides nothing else.

How a route is written (`storefront/shopper/stores.py`, then add it to `storefront/shopper/routes.py`):

    @get(
        "/shopper/v1/stores/{store_id:uuid}",
        operation_id="getStore",
        tags=["stores"],
        guards=[visitor],
        responses=refusals(StoreNotFound),
    )
    async def get_store(store_id: FromPath[UUID], tenant: CurrentTenant, now: Now) -> StoreView:
        \"\"\"One store with its hours.\"\"\"
        async with tenant.reading() as db:
            return await queries.store(db, StoreId(store_id), now=now)

- Guards (`storefront.auth`): `shopper`, `visitor` (guest or shopper), `staff(StaffRole.FINANCE, …)`, `operator`, `public`, `signed`.
  A route without one stops the app.
- By name, with these annotations from `storefront.auth`: `principal: CurrentPrincipal`, `visitor: CurrentVisitor` (or none), `tenant: CurrentTenant`,
  `store: CurrentStore` (X-Store-Id or the staff member's own; refused when missing), `chosen_store: ChosenStore` (or none), `now: Now`,
  `wiring: Joined` (everything the process holds); and each port of `wiring.PORTS` under its own alias
  (`passwords: Passwords`; a new port gets a field and a name in `wiring`, and an alias in `auth`).
- The body is `data: JSONBody[SomeCommand]`, queries are `limit: FromQuery[int | None] = None`, path parameters `FromPath[UUID]` (all litestar.params).
- Return the view itself; the frame is written around it. POST answers 201 unless `status_code=200`. A stored answer goes out as
  `Framed(msgspec.Raw(answer), status_code=…)`. What is no JSON is returned as `Response(…, media_type=…)`; a vendor's own JSON form needs
  `opt={"framed": False}` and `Response(bytes, media_type="application/json")`.
- Refuse by raising; `responses=refusals(…)` documents what the verb may raise (the common ones are added). Views and commands are
  msgspec structs with `rename="camel"`, commands with `forbid_unknown_fields=True`. `operation_id` in camelCase, unique.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler, Scope
from redis.asyncio import Redis

from storefront import documentation, health
from storefront.auth import DEPENDENCIES, nobody, refuse_undeclared_routes
from storefront.bodies import LARGEST_BODY, StrictRequest
from storefront.brand.routes import ROUTES as BRAND
from storefront.callbacks.routes import ROUTES as CALLBACKS
from storefront.edge import Edge
from storefront.frame import Framed, answer_exception
from storefront.gate import GateClosed, require_open_at_load
from storefront.mall.routes import ROUTES as MALL
from storefront.observability import configure_logging, start_metrics
from storefront.operator.routes import ROUTES as OPERATOR
from storefront.page_layer import PageLayer
from storefront.settings import Settings, read_settings
from storefront.shopper.routes import ROUTES as SHOPPER
from storefront.staff.routes import ROUTES as STAFF
from storefront.wiring import PORTS, Clock, Wiring, system_clock, wire
from tenants.kernel.scope import Database

ROUTES: list[ControllerRouterHandler] = [
    health.live,
    health.ready,
    *documentation.ROUTES,
    *SHOPPER,
    *STAFF,
    *BRAND,
    *MALL,
    *OPERATOR,
    *CALLBACKS,
]


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    redis: Redis | None = None,
    clock: Clock = system_clock,
    wiring: Wiring | None = None,
    routes: Sequence[ControllerRouterHandler] = (),
    keep_faces: bool = False,
) -> Litestar:
    """Build the app from the environment, or from what is handed in; `routes` are served beside the product's (tests).

    `keep_faces` puts the page layer before it: faces as kept bytes, a change showing within a second.
    """
    if wiring is None:
        settings = settings or read_settings()
        wiring = wire(settings, database=database, redis=redis, clock=clock)
    app = Litestar(
        route_handlers=[*ROUTES, *routes],
        dependencies={**DEPENDENCIES, **{port: _provide_port(port) for port in PORTS}},
        exception_handlers={Exception: answer_exception},
        request_class=StrictRequest,
        response_class=Framed,
        request_max_body_size=LARGEST_BODY,
        openapi_config=OPENAPI,
        logging_config=None,
        lifespan=[_lifespan],
        state=State({"wiring": wiring, "clock_fault": None}),
    )
    refuse_undeclared_routes(app)
    app.asgi_handler = Edge(PageLayer(app.asgi_handler, wiring=wiring) if keep_faces else app.asgi_handler)
    return app


def serve() -> Litestar:
    """What granian loads in each worker process (`storefront.app:serve`, as a factory): the app behind the gate, with logs and metrics.

    Whoever starts granian without `storefront serve` meets the gate here: a process that may not serve ends with the reason.
    """
    settings = read_settings()
    configure_logging(settings.storefront_log_level)
    try:
        require_open_at_load(settings)
    except GateClosed as closed:
        sys.exit(str(closed))
    start_metrics(
        settings.storefront_metrics_port, host=settings.storefront_host, instances=settings.storefront_workers
    )
    return create_app(settings, keep_faces=True)


OPENAPI = OpenAPIConfig(
    title="storefront",
    version="1",
    description="Every answer is framed: code, msg, data, requestId. Amounts are whole fen, rates basis points, ids strings.",
    # The framework's own pages show the description before it is made true, and load from elsewhere: nobody may open them.
    openapi_router=Router(path="/schema", route_handlers=[], guards=[nobody], include_in_schema=False),
    render_plugins=[JsonRenderPlugin()],
    use_handler_docstrings=True,
)


def _provide_port(name: str) -> Provide:
    async def provide(scope: Scope) -> Any:
        return getattr(scope["app"].state.wiring, name)

    return Provide(provide)


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    """Compare clocks at start and every minute; close everything at the end."""
    wiring: Wiring = app.state.wiring
    app.state.clock_fault = await health.clock_fault(wiring)
    watch = asyncio.create_task(_watch_clock(app))
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await wiring.close()


async def _watch_clock(app: Litestar) -> None:
    while True:
        await asyncio.sleep(health.CLOCK_INTERVAL_SECONDS)
        app.state.clock_fault = await health.clock_fault(app.state.wiring)
