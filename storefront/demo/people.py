"""A demonstration brand's people and agreements: staff, guides with their links, commission plan, the mall's contract."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from guides.commands import EmployGuide, PlanRate, ShareLink, StartPlan
from guides.employ import employ_guide
from guides.plans import start_plan
from guides.share import share_link
from guides.states import Scene
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.states import PartyKind
from storefront.demo.report import DemoLogin
from storefront.demo.shapes import DemoBrand
from storefront.demo.shelves import MALL_CODE
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.ids import GuideId, LevelId, MallId, StaffId, StoreId
from tenants.kernel.scope import Reading, Writing
from tenants.levels import Level
from tenants.ports import PasswordHasher
from tenants.queries import malls, stores
from tenants.states import StaffRole

SEEDER = "system:demo"
AGES_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Passwords:
    """The demonstration's passwords: worked out from the installation's own key, so that they differ everywhere and need no file."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, login: str, *, tenant_code: str | None) -> str:
        """The password of one log-in."""
        digest = hmac.new(self._key, f"demo:{tenant_code}:{login}".encode(), hashlib.sha256).digest()
        return base64.b32encode(digest)[:14].decode().lower()


def logins_of(brand: DemoBrand, passwords: Passwords) -> list[DemoLogin]:
    """Everybody who may log in for the brand."""
    flagship = next(store for store in brand.stores if store.flagship)
    in_mall = next(store for store in brand.stores if store.in_mall)
    people = [
        ("hq", StaffRole.BRAND_HQ, brand.name),
        ("finance", StaffRole.FINANCE, brand.name),
        ("manager", StaffRole.STORE_MANAGER, flagship.code),
        ("guide", StaffRole.GUIDE, flagship.code),
        ("mall-manager", StaffRole.STORE_MANAGER, in_mall.code),
        ("mall-guide", StaffRole.GUIDE, in_mall.code),
        ("mall-finance", StaffRole.MALL_FINANCE, MALL_CODE),
    ]
    return [
        DemoLogin(
            audience="staff",
            role=role,
            tenant_code=brand.code,
            login=login,
            password=passwords.of(login, tenant_code=brand.code),
            place=place,
        )
        for login, role, place in people
    ]


async def store_ids(db: Reading) -> dict[str, StoreId]:
    """The brand's stores by code."""
    return {store.code: store.id for store in await stores(db)}


async def employ_everybody(
    db: Writing, brand: DemoBrand, *, passwords: Passwords, hasher: PasswordHasher, now: datetime
) -> None:
    """Staff with their log-ins, then every store's guides; the first guide of two stores may log in."""
    places = await store_ids(db)
    mall_id = await _mall_id(db)
    staff_of_store: dict[str, StaffId] = {}
    for login in logins_of(brand, passwords):
        role = StaffRole(login.role)
        command = EmployStaff(
            login=login.login,
            name=f"演示{login.login}",
            password=login.password,
            role=role,
            store_id=places.get(login.place),
            mall_id=mall_id if role is StaffRole.MALL_FINANCE else None,
        )
        employed = await employ_staff(db, command, password_hash=await hasher.hash(login.password), now=now)
        if role is StaffRole.GUIDE:
            staff_of_store[login.place] = employed.id
    for store in brand.stores:
        for at, name in enumerate(store.guides):
            staff_id = staff_of_store.get(store.code) if at == 0 else None
            guide = EmployGuide(
                code=f"{store.code}-G{at + 1}", name=name, store_id=places[store.code], staff_id=staff_id
            )
            # Employed since long ago, so that last month's imported sales find their guides.
            await employ_guide(db, guide, now=AGES_AGO)


async def agree(db: Writing, brand: DemoBrand, *, now: datetime) -> None:
    """The commission plan for all stores, and the contract with the mall for the store in it."""
    rates = [PlanRate(rate_bps=brand.commission_bps)]
    rates += [
        PlanRate(rate_bps=rate, category_code=code) for code, rate in brand.commission_by_category.items()
    ]
    plan = StartPlan(name=f"{brand.name}导购提成", rates=rates, active_from=AGES_AGO)
    await start_plan(db, plan, level=Level.BRAND, level_id=LevelId(db.tenant_id), now=now)
    places = await store_ids(db)
    mall = NamedParty(kind=PartyKind.MALL, mall_id=await _mall_id(db))
    contract = CreateContract(
        code=f"{brand.code}-plaza",
        name=f"示例广场×{brand.name}联营合同",
        active_from=AGES_AGO,
        store_ids=[places[store.code] for store in brand.stores if store.in_mall],
        rates=[
            ContractRateRow(party=mall, rate_bps=brand.mall_rate_bps),
            *(
                ContractRateRow(party=mall, rate_bps=rate, category_code=code)
                for code, rate in brand.mall_category_rates.items()
            ),
        ],
        profit_sharing=True,
    )
    await create_contract(db, contract, created_by=SEEDER, now=now)


async def share_first_link(db: Writing, *, store_id: StoreId, guide_id: GuideId, now: datetime) -> str:
    """A guide's link, for the story to enter by; returns its scene code."""
    command = ShareLink(
        scene=Scene.GUIDE, store_id=store_id, guide_id=guide_id, campaign="demo", target="home"
    )
    return (await share_link(db, command, created_by=SEEDER, now=now)).scene_code


async def _mall_id(db: Reading) -> MallId:
    return (await malls(db, codes=[MALL_CODE]))[0].id
