"""A brand that trades: opened with a merchant whose keys the simulator knows, two stores, goods on the shelf, a shopper."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from guides.commands import EmployGuide, PlanRate, StartPlan
from guides.employ import employ_guide
from guides.plans import start_plan
from orders.commands import PlaceOrder, WantedLine
from orders.pay import prepare_payment, sync_payment
from orders.place import place_order
from orders.ports import Terms
from orders.views import PaymentView, PlacedOrder
from settlement.agreements.freeze import ContractTerms
from settlement.splitting.refund_table import ChannelSplits
from storefront.channels import WechatPayChannels
from storefront.onboarding import open_brand
from storefront.simulators.remote import SimulatorControl
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import GuideId, LevelId, OrderId, ShopperId, SkuId, StaffId, random_code
from tenants.kernel.scope import Database, TenantScope
from tenants.levels import Level
from tenants.models import OpeningHours
from tenants.ports import ShopperIdentity
from tenants.shoppers import meet_shopper
from tenants.states import StaffRole
from tests.support.fresh_tenant import opening
from tests.support.shop import LONG_AGO, Product, Shop, add_category, add_product, add_store, sell

PRICE = 19_900
ALL_WEEK = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "24:00"}]


@dataclass
class Trading:
    """The brand, and what a test does with it."""

    tenant: TenantScope
    control: SimulatorControl
    channels: WechatPayChannels
    mchid: str
    appid: str
    store: Shop
    elsewhere: Shop
    shirt: Product
    tea: Product
    shopper_id: ShopperId
    openid: str
    terms: Terms = field(default_factory=ContractTerms)

    @property
    def splits(self) -> ChannelSplits:
        """What refunds ask of splitting."""
        return ChannelSplits(self.channels)

    def want(self, *lines: tuple[SkuId, int], total: int | None = None, **changes: Any) -> PlaceOrder:
        """An order of these lines (one shirt, when none are named) at the price of a shirt each."""
        wanted = lines or ((self.shirt.sku, 1),)
        total = sum(quantity for _, quantity in wanted) * PRICE if total is None else total
        return PlaceOrder(
            store_id=changes.pop("store_id", self.store.id),
            lines=[WantedLine(sku_id=sku_id, quantity=quantity) for sku_id, quantity in wanted],
            total_fen=total,
            **changes,
        )

    async def place(
        self, *lines: tuple[SkuId, int], now: datetime | None = None, **changes: Any
    ) -> PlacedOrder:
        """Place an order in a transaction of its own."""
        buyer = changes.pop("shopper_id", self.shopper_id)
        async with self.tenant.writing() as db:
            return await place_order(
                db,
                self.want(*lines, **changes),
                now=now or datetime.now(UTC),
                shopper_id=buyer,
                terms=self.terms,
            )

    async def prepare(self, order_id: OrderId, now: datetime | None = None, **changes: Any) -> PaymentView:
        """Prepare the order's payment."""
        asked = {"shopper_id": self.shopper_id, "channels": self.channels, **changes}
        return await prepare_payment(self.tenant, order_id, now=now or datetime.now(UTC), **asked)

    async def sync(self, order_id: OrderId, now: datetime | None = None) -> PaymentView:
        """Ask the channel."""
        return await sync_payment(
            self.tenant,
            order_id,
            shopper_id=self.shopper_id,
            channels=self.channels,
            now=now or datetime.now(UTC),
        )

    async def take_money(self, payment_no: str | None) -> None:
        """The shopper pays; nobody hears the callback."""
        await self.control.pay(payment_no=payment_no, mchid=self.mchid, wait=False)

    async def paid(self, *lines: tuple[SkuId, int], **changes: Any) -> PlacedOrder:
        """An order that is paid and known to be."""
        order = await self.place(*lines, **changes)
        payment = await self.prepare(order.id)
        await self.take_money(payment.payment_no)
        await self.sync(order.id)
        return order

    async def employ(self, role: StaffRole, store: Shop | None = None) -> StaffId:
        """A staff member of a store."""
        command = EmployStaff(
            login=f"s-{random_code(12)}", name="店员", password="long enough for all",
            role=role, store_id=(store or self.store).id,
        )  # fmt: skip
        async with self.tenant.writing() as db:
            staff = await employ_staff(db, command, password_hash="none", now=datetime.now(UTC))
            return staff.id

    async def guide(self, *, staff_id: StaffId | None = None, rate_bps: int = 500) -> GuideId:
        """A guide at the store, with a commission plan for the whole brand."""
        since = datetime.now(UTC) - timedelta(days=30)
        async with self.tenant.writing() as db:
            guide = await employ_guide(
                db,
                EmployGuide(code=random_code(8), name="小林", store_id=self.store.id, staff_id=staff_id),
                now=since,
            )
            await start_plan(
                db,
                StartPlan(name="常规", rates=[PlanRate(rate_bps=rate_bps)], active_from=since),
                level=Level.BRAND,
                level_id=LevelId(db.tenant_id),
                now=since,
            )
            return guide.id

    async def shopper(self) -> ShopperId:
        """Another shopper."""
        async with self.tenant.writing() as db:
            return await meet_shopper(db, ShopperIdentity(f"o{random_code(24)}", None), now=datetime.now(UTC))


async def open_trading(
    database: Database,
    *,
    keys: KeyRing,
    control: SimulatorControl,
    channels: WechatPayChannels,
    pair: tuple[str, str],
) -> Trading:
    """Open the brand at the simulator and with us, and put goods on the shelf."""
    command = opening()
    private, public = pair
    secrets = command.merchant
    await control.register_app(appid=command.appid, secret=command.app_secret)
    registered = await control.register_merchant(
        mchid=secrets.merchant_no, appid=command.appid, public_key=public,
        certificate_serial=secrets.certificate_serial, api_v3_key=secrets.api_v3_key, refund_seconds=0,
    )  # fmt: skip
    merchant = msgspec.structs.replace(
        secrets, private_key=private, wechat_public_keys={registered.public_key_id: registered.public_key}
    )
    now = datetime.now(UTC)
    view = await open_brand(
        database,
        msgspec.structs.replace(command, merchant=merchant),
        actor="operator:test",
        keys=keys,
        now=now,
    )
    return await fill_shelves(
        database.tenant(view.id), control=control, channels=channels, mchid=secrets.merchant_no,
        appid=command.appid,
    )  # fmt: skip


async def fill_shelves(
    tenant: TenantScope, *, control: SimulatorControl, channels: WechatPayChannels, mchid: str, appid: str
) -> Trading:
    """Let an opened brand trade: two stores, goods on the shelf, a shopper."""
    openid = f"o{random_code(24)}"
    async with tenant.writing() as db:
        store, elsewhere = await add_store(db), await add_store(db, "武康路店")
        db.add(
            OpeningHours(tenant_id=db.tenant_id, level_id=db.tenant_id, level=Level.BRAND, weekly=ALL_WEEK)
        )
        category = await add_category(db, "tops")
        shirt = await sell(
            db, await add_product(db, "亚麻衬衫", category_id=category), price=PRICE, stock=100
        )
        tea = await sell(db, await add_product(db, "冷泡茶"), price=PRICE, stock=100)
        shopper_id = await meet_shopper(db, ShopperIdentity(openid, None), now=LONG_AGO)
    return Trading(
        tenant=tenant, control=control, channels=channels, mchid=mchid, appid=appid,
        store=store, elsewhere=elsewhere, shirt=shirt, tea=tea, shopper_id=shopper_id, openid=openid,
    )  # fmt: skip
