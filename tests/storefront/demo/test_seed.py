"""The demonstration holds what the README says, can be entered, and seeding it again changes nothing."""

from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from storefront.demo.report import DemoReport
from storefront.demo.seed import BRANDS, describe_demo, seed_demo
from storefront.demo.shapes import ean13, units_of
from storefront.settings import Settings
from storefront.simulators.run import running_simulator
from tenants.kernel.ids import TenantId
from tenants.kernel.scope import Database
from tests.support.http import Client

COUNTED = (
    "stores",
    "skus",
    "prices",
    "assortments",
    "stock",
    "staff",
    "guides",
    "contracts",
    "page_layers",
    "scene_links",
    "receivers",
)


@pytest.fixture(scope="module")
async def seeded(settings: Settings, database: Database) -> DemoReport:
    """The demonstration, seeded twice."""
    async with running_simulator() as simulator:
        reached = msgspec.structs.replace(
            settings, wechat_pay_url=simulator.url, wechat_api_url=simulator.url
        )
        first = await seed_demo(database, settings=reached)
        before = await counts(database, first)
        report = await seed_demo(database, settings=reached)
    assert await counts(database, report) == before
    return report


async def counts(database: Database, report: DemoReport) -> dict[str, dict[str, int]]:
    found = {}
    for brand in report.brands:
        async with database.tenant(TenantId(UUID(brand.tenant_id))).reading() as db:
            statements = {
                table: text(f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t") for table in COUNTED
            }
            found[brand.code] = {
                table: (await db.execute(statement, {"t": db.tenant_id})).scalar_one()
                for table, statement in statements.items()
            }
    return found


async def test_it_holds_two_brands_nine_stores_and_over_two_hundred_units(
    database: Database, seeded: DemoReport
) -> None:
    numbers = await counts(database, seeded)
    assert len(numbers) == 2
    assert sum(each["stores"] for each in numbers.values()) == 9
    assert sum(each["skus"] for each in numbers.values()) == seeded.units > 200
    assert all(each["contracts"] == 2 and each["scene_links"] == 1 for each in numbers.values())
    assert all(each["receivers"] == 1 for each in numbers.values())


async def test_both_brands_are_in_the_one_mall(database: Database, seeded: DemoReport) -> None:
    malls = set()
    for brand in seeded.brands:
        async with database.tenant(TenantId(UUID(brand.tenant_id))).reading() as db:
            statement = text(
                "SELECT DISTINCT mall_id FROM app.stores WHERE tenant_id = :t AND mall_id IS NOT NULL"
            )
            malls |= {row.mall_id for row in await db.execute(statement, {"t": db.tenant_id})}
    assert len(malls) == 1


async def test_everybody_it_names_can_log_in(client: Client, seeded: DemoReport) -> None:
    for login in seeded.logins:
        body = {"login": login.login, "password": login.password}
        if login.tenant_code:
            body["tenantCode"] = login.tenant_code
        answer = await client.http.post(f"/{login.audience}/v1/sessions", json=body)
        assert answer.status_code == 201, (login.login, answer.text)


async def test_three_faces_differ(client: Client, seeded: DemoReport) -> None:
    pages = set()
    for brand in seeded.brands:
        for store_id in brand.stores.values():
            headers = {"X-Tenant-Id": brand.tenant_id, "X-Store-Id": store_id}
            answer = await client.http.get("/shopper/v1/home", headers=headers)
            assert answer.status_code == 200, answer.text
            page = answer.json()["data"]["page"]
            pages.add((page["title"], page["background"], tuple(each["id"] for each in page["components"])))
    assert len(pages) >= 3


def test_barcodes_are_genuine_and_differ() -> None:
    barcodes = [unit.barcode for brand in BRANDS for each in brand.products for unit in units_of(brand, each)]
    assert len(set(barcodes)) == len(barcodes)
    assert all(len(barcode) == 13 and ean13(barcode[:12]) == barcode for barcode in barcodes)
    assert ean13("690000000000") == "6900000000007"


async def test_its_description_needs_no_simulator(
    settings: Settings, database: Database, seeded: DemoReport
) -> None:
    assert await describe_demo(database, settings=settings) == seeded
