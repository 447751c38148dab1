"""P21: recomputing a past statement gives the same bytes, whatever became of guides, stores, contracts, brands and people since."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from guides.commands import EmployGuide
from guides.employ import employ_guide
from settlement.queries import statements
from storefront.statements import content as reading
from storefront.statements.files import write_files
from tenants.kernel.scope import TenantScope
from tenants.queries import store_codes, store_names
from tests.support.books import MallStore, give_back, mall_contract, open_mall_store, sell
from tests.support.cluster import ClusterAddress
from tests.support.owner import as_superuser
from tests.support.rows import value
from tests.support.statements import DECEMBER, NOVEMBER, OCTOBER, SOLD, THIRD, agree, approve, ask, close

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def owner(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    async with as_superuser(cluster, database_name) as connection:
        yield connection


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """October: sales with a guide's commission, refunds; the mall's statement restated once, then signed."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        guide = await employ_guide(
            db,
            EmployGuide(code="G-01", name="小林", store_id=shop.store_id, phone="13800138000"),
            now=LONG_AGO,
        )
        for day in (3, 12, 20):
            sale = await sell(
                db, shop.store_id, 8_990, 12_345, at=SOLD.replace(day=day), guide_id=guide.id, guide_bps=500
            )
            await give_back(db, sale, {0: 990, 1: 345}, at=SOLD.replace(day=day) + timedelta(hours=2))
    await close(tenant)
    await agree(tenant, await ask(tenant, -77, restates=True))
    await approve(tenant, by=THIRD)
    return shop


async def files(tenant: TenantScope, out: Path) -> dict[str, bytes]:
    """Every version of every statement of October, as all its files."""
    async with tenant.reading() as db:
        found = await statements(db, month=OCTOBER, versions=True)
    written = {}
    for each in found:
        done = await write_files(tenant, each, out=out / str(each.version))
        assert done.agrees, done.checks
        written |= {f"{each.id} {kind}": path.read_bytes() for kind, path in done.paths.items()}
    return written


async def everything_changes(shop: MallStore, owner) -> None:
    """Guides leave, stores move and are renamed, contracts change, brand and people are renamed, months go on."""
    async with shop.tenant.writing() as db:
        await mall_contract(
            db,
            shop.mall_id,
            [shop.store_id],
            bps=9_000,
            name="全新合同",
            active_from=SOLD + timedelta(days=30),
        )
        sale = await sell(db, shop.store_id, 50_000, at=SOLD + timedelta(days=35))
        await give_back(db, sale, {0: 50_000}, at=SOLD + timedelta(days=36))
    who = shop.tenant.tenant_id
    for change in (
        "UPDATE app.stores SET name = '改名店', code = 'MOVED', mall_id = NULL WHERE tenant_id = $1",
        "UPDATE app.tenants SET name = '改名品牌', time_zone = 'America/New_York' WHERE tenant_id = $1",
        "UPDATE app.guides SET name = '改名人', code = 'G-99', active_to = now() WHERE tenant_id = $1",
        "UPDATE app.staff SET name = '改名人' WHERE tenant_id = $1",
        "UPDATE app.guide_assignments SET active_to = now() WHERE tenant_id = $1 AND active_to IS NULL",
    ):
        await owner.execute(change, who)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)


async def test_every_version_of_every_statement_stays_the_same_to_the_byte(
    shop: MallStore, owner, tmp_path: Path
) -> None:
    before = await files(shop.tenant, tmp_path / "before")
    assert len(before) == 5 * 3  # the mall and the brand in two versions, the guide in one; three files each
    await everything_changes(shop, owner)
    after = await files(shop.tenant, tmp_path / "after")
    assert {name for name in before if before[name] != after[name]} == set()
    assert (await close(shop.tenant, OCTOBER, now=DECEMBER)).already_closed


def closed_at(written: dict[str, bytes]) -> set[str]:
    """What every page says of the moment of closing."""
    told = "<dt>关账时间<small>Closed at</small></dt><dd>([^<]*)</dd>"
    pages = [page.decode() for name, page in written.items() if name.endswith(" html")]
    return {found for page in pages for found in re.findall(told, page)}


async def test_a_statement_says_its_closing_on_the_brands_clocks_and_one_from_before_that_in_utc(
    shop: MallStore, owner, tmp_path: Path
) -> None:
    assert closed_at(await files(shop.tenant, tmp_path / "now")) == {"2026-11-02 09:00 (Asia/Shanghai)"}
    # As rows look that were written before a statement kept its time zone: their files must stay what they were.
    await owner.execute(
        "UPDATE app.statements SET names = names - 'time_zone' WHERE tenant_id = $1", shop.tenant.tenant_id
    )
    assert closed_at(await files(shop.tenant, tmp_path / "before")) == {"2026-11-02 01:00 UTC"}


async def test_control_a_live_join_to_todays_stores_is_caught(
    shop: MallStore, owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await files(shop.tenant, tmp_path / "before")
    await everything_changes(shop, owner)
    kept = reading.names_of

    async def live(db, statement_id):
        names = await kept(db, statement_id)
        codes, called = await store_codes(db, list(names.stores)), await store_names(db, names.stores)
        stores = {store: (codes[store], called[store]) for store in names.stores}
        brand = await value(shop.tenant, "SELECT name FROM app.tenants WHERE tenant_id = :t")
        return type(names)(brand=brand, party=names.party, stores=stores)

    monkeypatch.setattr(reading, "names_of", live)
    after = await files(shop.tenant, tmp_path / "after")
    assert len({name for name in before if before[name] != after[name]}) == len(before)


async def test_control_todays_name_of_the_guide_would_have_changed_the_statement(
    shop: MallStore, owner
) -> None:
    await everything_changes(shop, owner)
    async with shop.tenant.reading() as db:
        told = (
            await db.execute(text("SELECT name FROM app.guides WHERE tenant_id = :t"), {"t": db.tenant_id})
        ).scalar_one()
        kept = next(each for each in await statements(db, month=OCTOBER) if each.party.kind == "guide")
    assert (told, kept.party.name) == ("改名人", "小林")
