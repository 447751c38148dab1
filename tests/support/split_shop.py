"""A trading brand under a mall's contract that WeChat splits for, at a simulator of its own whose days can pass."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from sqlalchemy import text

from orders.commands import RedeemPickup, RefundedLine, RequestRefund
from orders.give_back import ask_refund, send_refund
from orders.pickup import Counter, redeem_pickup
from orders.refund import request_refund
from orders.views import PlacedOrder, RefundView
from settlement.agreements.agreed import OverRatio
from settlement.commands import AddReceiver, ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.posting.pending import post_pending
from settlement.splitting.queries import split_of_order
from settlement.splitting.receivers import add_receiver
from settlement.splitting.refund_table import ChannelSplits
from settlement.splitting.returns import send_return
from settlement.splitting.schedule import schedule_split
from settlement.splitting.send import ask_split, send_split
from settlement.splitting.states import SplitStatus
from settlement.splitting.views import ReceiverView, SplitView
from settlement.states import PartyKind
from settlement.terms import party_id_of
from settlement.verify import verify_books
from storefront.channels import WechatPayChannels
from storefront.settings import Settings
from storefront.simulators.remote import SimulatorControl
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MallId, OrderId, PartyId, SkuId, SplitId, new_id
from tenants.kernel.scope import Database
from tenants.models import Mall
from tenants.states import StaffRole
from tests.support.rows import rows
from tests.support.trading import Trading, open_trading

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MALL_BPS = 2_000
MALL_NAME = "望江天地商业管理有限公司"


@dataclass
class SplitShop:
    """The brand, its mall, and what a test does with them. `now` is the simulator's."""

    trading: Trading
    keys: KeyRing
    mall_id: MallId
    mall_account: str
    now: datetime
    splits: ChannelSplits
    _counter: Counter | None = field(default=None)

    @property
    def tenant(self) -> Any:
        return self.trading.tenant

    @property
    def channels(self) -> WechatPayChannels:
        return self.trading.channels

    @property
    def control(self) -> SimulatorControl:
        return self.trading.control

    @property
    def mall_party(self) -> PartyId:
        return party_id_of(self.tenant.tenant_id, f"{PartyKind.MALL}:{self.mall_id}")

    def party(self, code: str) -> PartyId:
        return party_id_of(self.tenant.tenant_id, code)

    async def pass_days(self, days: float = 0, *, seconds: float = 0) -> datetime:
        self.now = await self.control.advance(days * 86_400 + seconds)
        return self.now

    async def receiver(
        self, party_id: PartyId | None = None, *, account: str | None = None, name: str = MALL_NAME
    ) -> ReceiverView:
        command = AddReceiver(
            party_id=party_id or self.mall_party, account=account or self.mall_account, legal_name=name
        )
        return await add_receiver(
            self.tenant, command, channels=self.channels, keys=self.keys, actor="staff:test", now=self.now
        )

    async def collected(self, *lines: tuple[SkuId, int]) -> PlacedOrder:
        """An order that is paid, handed over, and scheduled to be split."""
        order = await self.paid(*lines)
        await self.collect(order.id)
        return order

    async def paid(self, *lines: tuple[SkuId, int]) -> PlacedOrder:
        """An order that is paid, in the simulator's time."""
        self.now = await self.control.advance(0)
        return await self.trading.paid(*lines, now=self.now)

    async def collect(self, order_id: OrderId) -> None:
        if self._counter is None:
            staff_id = await self.trading.employ(StaffRole.GUIDE)
            self._counter = Counter(staff_id, self.trading.store.id)
        ((code,),) = await rows(
            self.tenant, "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o", o=order_id
        )
        await redeem_pickup(self.tenant, RedeemPickup(code=code), counter=self._counter, now=self.now)
        async with self.tenant.writing() as db:
            await schedule_split(db, order_id, now=self.now)

    async def split(self, order_id: OrderId) -> SplitView:
        async with self.tenant.reading() as db:
            (found,) = await split_of_order(db, order_id)
        return found

    async def send(self, order_id: OrderId, **changes: Any) -> SplitStatus:
        """Take the order's split as far as it goes now."""
        found = await self.split(order_id)
        asked = {"channels": self.channels, "now": self.now, **changes}
        return await send_split(self.tenant, SplitId(found.id), **asked)

    async def split_through(self, order_id: OrderId) -> SplitView:
        """Split and follow it to the end."""
        state = await self.send(order_id)
        if state is SplitStatus.ACCEPTED:
            await self.pass_days(seconds=5)
            found = await self.split(order_id)
            await ask_split(self.tenant, found.id, asked=1, channels=self.channels, now=self.now)
        return await self.split(order_id)

    async def ask_refund(self, order_id: OrderId, fen: int, *, line: int = 1) -> RefundView:
        command = RequestRefund(lines=[RefundedLine(line_no=line, amount_fen=fen)], reason="不合身")
        async with self.tenant.writing() as db:
            return await request_refund(
                db, command, order_id=order_id, now=self.now, requested_by="staff:test", store_id=None,
                splits=self.splits,
            )  # fmt: skip

    async def send_refund(self, refund: RefundView, **changes: Any) -> Any:
        asked = {"channels": self.channels, "splits": self.splits, "now": self.now, **changes}
        return await send_refund(self.tenant, refund.id, **asked)

    async def refund(self, order_id: OrderId, fen: int) -> RefundView:
        """A refund that went through."""
        refund = await self.ask_refund(order_id, fen)
        await self.send_refund(refund)
        await ask_refund(self.tenant, refund.id, asked=0, channels=self.channels, now=self.now)
        return refund

    async def give_back(self, order_id: OrderId) -> list[Any]:
        """Send every return of the order that is under way."""
        found = await self.split(order_id)
        return [
            await send_return(self.tenant, each.id, channels=self.channels, now=self.now)
            for each in found.returns
            if each.state in {"intended", "pending"}
        ]

    async def counters(self, order_id: OrderId) -> tuple[int, int, int]:
        statement = (
            "SELECT paid_fen, refunded_fen, split_fen FROM app.orders WHERE tenant_id = :t AND id = :o"
        )
        ((paid, refunded, split),) = await rows(self.tenant, statement, o=order_id)
        return paid, refunded, split

    async def settle(self, **settings: Any) -> None:
        """Change what the brand has settled."""
        statement = "UPDATE app.tenants SET settings = settings || CAST(:more AS jsonb) WHERE tenant_id = :t"
        async with self.tenant.writing() as db:
            more = msgspec.json.encode(settings).decode()
            await db.execute(text(statement), {"t": db.tenant_id, "more": more})

    async def available(self, account: str | None = None) -> int:
        books = await self.control.books()
        wanted = account or self.mall_account
        (found,) = [each for each in books["merchants"] if each["mchid"] == wanted]
        return int(found["availableFen"])

    async def payable(self, party_id: PartyId) -> int:
        statement = (
            "SELECT coalesce(sum(balance_fen), 0) FROM app.ledger_accounts"
            " WHERE tenant_id = :t AND kind = 'payable' AND party_id = :p"
        )
        ((fen,),) = await rows(self.tenant, statement, p=party_id)
        return int(fen)

    async def books_hold(self) -> list[str]:
        """What is broken of the books once everything is booked: nothing, it is hoped."""
        await post_pending(self.tenant, now=self.now)
        async with self.tenant.reading() as db:
            report = await verify_books(db)
        return [f"{each.law}: {each.examples}" for each in report.findings if each.broken]


async def open_split_shop(
    database: Database,
    *,
    settings: Settings,
    keys: KeyRing,
    control: SimulatorControl,
    http: httpx.AsyncClient,
    pair: tuple[str, str],
    mall_bps: int = MALL_BPS,
    **receiving: Any,
) -> SplitShop:
    """Open the brand, the mall's merchant at the simulator, and the contract; the mall is a receiver where `receiving` says how."""
    at_simulator = msgspec.structs.replace(
        settings,
        wechat_pay_url=control.url,
        wechat_api_url=control.url,
        storefront_public_url="http://127.0.0.1:9",
    )
    channels = WechatPayChannels(http, settings=at_simulator, keys=keys, clock=lambda: datetime.now(UTC))
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=pair)
    mall_account = await open_receiver(control, name=MALL_NAME, **receiving)
    mall_id = await write_mall_contract(trading, bps=mall_bps)
    return SplitShop(
        trading=trading, keys=keys, mall_id=mall_id, mall_account=mall_account,
        now=await control.advance(0), splits=ChannelSplits(channels),
    )  # fmt: skip


async def write_mall_contract(trading: Trading, *, bps: int = MALL_BPS) -> MallId:
    """A mall's contract over the brand's store, split by the channel."""
    async with trading.tenant.writing() as db:
        mall = Mall(id=new_id(), code=f"m-{new_id()}", name="望江天地")
        db.add(mall)
        await db.flush()
        named = NamedParty(kind=PartyKind.MALL, mall_id=MallId(mall.id))
        command = CreateContract(
            code="mall", name="联营合同", active_from=LONG_AGO, store_ids=[trading.store.id],
            rates=[ContractRateRow(party=named, rate_bps=bps)], profit_sharing=True,
            over_ratio=OverRatio.PAYABLE,
        )  # fmt: skip
        await create_contract(db, command, created_by="staff:test", now=datetime.now(UTC))
    return MallId(mall.id)


async def add_mall_contract(trading: Trading) -> PartyId:
    """The same; returns the mall's party."""
    mall_id = await write_mall_contract(trading)
    return party_id_of(trading.tenant.tenant_id, f"{PartyKind.MALL}:{mall_id}")


async def open_receiver(control: SimulatorControl, *, name: str, accepts_returns: bool = True) -> str:
    """A merchant at the simulator that can only receive."""
    account = f"19{new_id().int % 10**8:08d}"
    await control.command("merchants", mchid=account, legal_name=name, accepts_returns=accepts_returns)
    return account


SETTLED = timedelta(days=8)
"""After the seven days in which goods may be brought back."""
