"""Write the demonstration, once: one transaction a brand, so that an interrupted seeding leaves a whole brand or nothing."""

from collections.abc import Callable
from datetime import datetime

import httpx

from guides.queries import guides_of_store, links_of
from settlement.contracts import open_books
from storefront.demo import teahouse, wardrobe
from storefront.demo.faces import decorate
from storefront.demo.past import import_last_month
from storefront.demo.payee import demo_tenant
from storefront.demo.people import (
    SEEDER,
    Passwords,
    agree,
    employ_everybody,
    logins_of,
    share_first_link,
    store_ids,
)
from storefront.demo.receivers import let_mall_receive
from storefront.demo.report import DemoBrandReport, DemoLogin, DemoReport
from storefront.demo.shapes import DemoBrand, units_of
from storefront.demo.shelves import fill_shelves, open_stores
from storefront.passwords import Argon2Passwords
from storefront.settings import Settings
from storefront.simulators.remote import SimulatorControl
from storefront.wiring import system_clock
from tenants.create import create_tenant
from tenants.directory import every_tenant
from tenants.errors import OperatorLoginTaken
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.scope import Database, TenantScope
from tenants.operators import appoint_operator
from tenants.ports import PasswordHasher

BRANDS = (wardrobe.BRAND, teahouse.BRAND)
OPERATOR = "operator"

Progress = Callable[[str], None]


async def seed_demo(
    database: Database, *, settings: Settings, progress: Progress = lambda _: None
) -> DemoReport:
    """Write what is missing of the demonstration and say how to enter it. Needs the simulator at `settings.wechat_pay_url`."""
    now, passwords, hasher = system_clock(), Passwords(settings.token_key()), Argon2Passwords()
    async with database.platform() as db:
        known = dict(await every_tenant(db))
    async with httpx.AsyncClient(trust_env=False) as http:
        simulator = SimulatorControl(settings.wechat_pay_url, http)
        for brand in BRANDS:
            if brand.code not in known:
                progress(f"{brand.name} ({brand.name_en})")
                keys = settings.key_ring()
                await _seed_brand(
                    database,
                    brand,
                    simulator=simulator,
                    keys=keys,
                    passwords=passwords,
                    hasher=hasher,
                    now=now,
                )
        await _let_mall_receive(database, settings=settings, http=http)
    await _seed_operator(database, passwords=passwords, hasher=hasher, now=now)
    hasher.close()
    return await describe_demo(database, settings=settings)


async def describe_demo(database: Database, *, settings: Settings) -> DemoReport:
    """How to enter the demonstration that is there: log-ins (worked out, not stored) and codes."""
    passwords = Passwords(settings.token_key())
    async with database.platform() as db:
        known = dict(await every_tenant(db))
    logins = [_operator_login(passwords)]
    brands = []
    for brand in BRANDS:
        if brand.code in known:
            logins += logins_of(brand, passwords)
            brands.append(await _describe_brand(database.tenant(known[brand.code]), brand))
    units = sum(len(units_of(brand, product)) for brand in BRANDS for product in brand.products)
    return DemoReport(logins=logins, brands=brands, units=units)


async def _seed_brand(
    database: Database,
    brand: DemoBrand,
    *,
    simulator: SimulatorControl,
    keys: KeyRing,
    passwords: Passwords,
    hasher: PasswordHasher,
    now: datetime,
) -> None:
    command = await demo_tenant(brand, simulator)
    async with database.tenant(TenantId(new_id())).writing() as db:
        await create_tenant(db, command, now=now, keys=keys)
        await open_books(db, now=now)
        await open_stores(db, brand, now=now)
        await fill_shelves(db, brand, now=now)
        await employ_everybody(db, brand, passwords=passwords, hasher=hasher, now=now)
        await agree(db, brand, now=now)
        await decorate(db, brand, created_by=SEEDER, now=now)
        await import_last_month(db, brand, now=now)
        places = await store_ids(db)
        in_mall = next(store for store in brand.stores if store.in_mall)
        guide = (await guides_of_store(db, places[in_mall.code], at=now))[0]
        await share_first_link(db, store_id=places[in_mall.code], guide_id=guide.id, now=now)


async def _let_mall_receive(database: Database, *, settings: Settings, http: httpx.AsyncClient) -> None:
    """After the brands are there, and for those of an earlier seeding that stopped short of it."""
    async with database.platform() as db:
        known = dict(await every_tenant(db))
    for brand in BRANDS:
        await let_mall_receive(database.tenant(known[brand.code]), brand, settings=settings, http=http)


async def _seed_operator(
    database: Database, *, passwords: Passwords, hasher: PasswordHasher, now: datetime
) -> None:
    password_hash = await hasher.hash(passwords.of(OPERATOR, tenant_code=None))
    try:
        async with database.platform() as db:
            await appoint_operator(db, OPERATOR, name="演示平台运营", password_hash=password_hash, now=now)
    except OperatorLoginTaken:
        return


async def _describe_brand(tenant: TenantScope, brand: DemoBrand) -> DemoBrandReport:
    async with tenant.reading() as db:
        places = await store_ids(db)
        in_mall = next(store for store in brand.stores if store.in_mall)
        links = [
            link for link in await links_of(db, store_id=places[in_mall.code]) if link.campaign == "demo"
        ]
    flagship = next(store for store in brand.stores if store.flagship)
    return DemoBrandReport(
        code=brand.code,
        name=brand.name,
        name_en=brand.name_en,
        tenant_id=str(tenant.tenant_id),
        appid=brand.appid,
        merchant_no=brand.merchant_no,
        flagship_id=str(places[flagship.code]),
        stores={code: str(store_id) for code, store_id in places.items()},
        scene_code=links[-1].scene_code,
    )


def _operator_login(passwords: Passwords) -> DemoLogin:
    return DemoLogin(
        audience="operator",
        role="operator",
        tenant_code=None,
        login=OPERATOR,
        password=passwords.of(OPERATOR, tenant_code=None),
        place="platform",
    )
