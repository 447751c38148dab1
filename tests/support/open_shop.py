"""The whole product in one process: the app on a real port, the simulator it pays against, and a worker that works when told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from litestar import Litestar

from storefront.app import create_app
from storefront.settings import Settings
from storefront.simulators.remote import SimulatorControl
from storefront.wiring import Wiring, wire, wire_worker
from storefront.worker import Worker
from tenants.kernel.outbox import tenants_with_work
from tenants.kernel.scope import TenantScope
from tenants.ports import PasswordHasher
from tests.support.served import serving


@dataclass
class OpenShop:
    """What serves and what works."""

    app: Litestar
    url: str
    wiring: Wiring
    worker: Worker

    async def work(self, tenant: TenantScope) -> None:
        """Work until nothing of this brand is due."""
        mine = self.worker.wiring.database.tenant(tenant.tenant_id)
        while await self._is_due(tenant):
            await self.worker._work_for(mine)

    async def _is_due(self, tenant: TenantScope) -> bool:
        async with self.worker.wiring.database.platform() as db:
            return tenant.tenant_id in await tenants_with_work(db)


@asynccontextmanager
async def open_shop(
    settings: Settings, *, control: SimulatorControl, passwords: PasswordHasher
) -> AsyncIterator[OpenShop]:
    """Open it over the run's servers; it holds its own connections, and the app's lifespan closes them."""
    made: list[tuple[Settings, Wiring, Litestar]] = []

    def make_app(url: str) -> Litestar:
        here = msgspec.structs.replace(
            settings,
            storefront_public_url=url,
            wechat_pay_url=control.url,
            wechat_api_url=control.url,
            wecom_url=control.url,
        )
        wiring = wire(here, passwords=passwords)
        made.append((here, wiring, create_app(wiring=wiring)))
        return made[0][2]

    async with serving(make_app) as url:
        here, wiring, app = made[0]
        working = wire_worker(here)
        yield OpenShop(app, url, wiring, Worker(working))
        await working.close()
