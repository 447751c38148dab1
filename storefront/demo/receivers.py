"""The demonstration's mall receives its parts through WeChat: its merchant at the simulator, and a receiver of each brand's payments."""

import httpx

from settlement.commands import AddReceiver
from settlement.splitting.policy import SplitPolicy, choose_split_policy
from settlement.splitting.queries import receivers
from settlement.splitting.receivers import add_receiver
from settlement.states import PartyKind
from settlement.terms import party_id_of
from storefront.channels import WechatPayChannels
from storefront.demo.people import SEEDER
from storefront.demo.shapes import DemoBrand
from storefront.demo.shelves import MALL_CODE
from storefront.settings import Settings
from storefront.simulators.remote import SimulatorControl
from storefront.wiring import system_clock
from tenants.kernel.scope import TenantScope
from tenants.queries import malls

MALL_MERCHANT_NO = "1900000900"
MALL_LEGAL_NAME = "示例广场商业管理（演示）有限公司"


async def let_mall_receive(
    tenant: TenantScope, brand: DemoBrand, *, settings: Settings, http: httpx.AsyncClient
) -> None:
    """Make the mall a receiver of the brand's payments, once; a brand that takes nothing back is split a minute after the hand-over."""
    async with tenant.reading() as db:
        if await receivers(db):
            return
        mall_id = (await malls(db, codes=[MALL_CODE]))[0].id
    simulator = SimulatorControl(settings.wechat_pay_url, http)
    # Fixed names: a second brand meets the same merchant, and the simulator keeps what it has.
    await simulator.command(
        "merchants", mchid=MALL_MERCHANT_NO, legal_name=MALL_LEGAL_NAME, accepts_returns=True
    )
    if brand.takes_nothing_back:
        async with tenant.writing() as db:
            policy = SplitPolicy(settlement_days=0, return_days=0)
            await choose_split_policy(db, policy, actor=SEEDER, now=system_clock())
    keys = settings.key_ring()
    command = AddReceiver(
        party_id=party_id_of(tenant.tenant_id, f"{PartyKind.MALL}:{mall_id}"),
        account=MALL_MERCHANT_NO,
        legal_name=MALL_LEGAL_NAME,
    )
    channels = WechatPayChannels(http, settings=settings, keys=keys, clock=system_clock)
    await add_receiver(tenant, command, channels=channels, keys=keys, actor=SEEDER, now=system_clock())
