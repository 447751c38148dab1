"""Small ports of orders and settlement, answered by the vendors' clients: cards at payments, reports of pickups, where a trade stands."""

from orders.ports import Assigned, HandOver, Refused, Reported, Unknown
from settlement.ports import TradeStanding
from storefront.adapters.wechat_mini.platform import Delivered, TradeOrder, TradeState
from storefront.adapters.wechat_pay import guides
from storefront.channels import MiniPrograms, WechatPayChannels
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import TenantScope


class ChannelCards:
    """`orders.ports.GuideCards` over WeChat Pay."""

    def __init__(self, channels: WechatPayChannels) -> None:
        """Assign through these channels."""
        self._channels = channels

    async def assign(
        self, tenant: TenantScope, *, merchant_id: MerchantId, card_no: str, payment_no: str
    ) -> Assigned | Refused | Unknown:
        """Name the guide of a payment that is prepared and not yet paid."""
        channel = await self._channels.channel(tenant, merchant_id)
        answer = await channel.guides.assign(card_no, payment_no=payment_no)
        return Assigned() if isinstance(answer, guides.Assigned) else answer


class PlatformReports:
    """`orders.ports.HandOverReports` over the mini-program's platform."""

    def __init__(self, programs: MiniPrograms) -> None:
        """Report through these mini-programs."""
        self._programs = programs

    async def report(self, tenant: TenantScope, hand_over: HandOver) -> Reported | Refused | Unknown:
        """Report a pickup; a platform that does not manage this mini-program's trade has nothing to be told."""
        program = await self._programs.of(tenant)
        answer = await program.tell_collected(
            hand_over.transaction_id, openid=hand_over.openid, item=hand_over.description
        )
        if isinstance(answer, Delivered):
            return Reported()
        if isinstance(answer, Refused) and await program.is_trade_managed() is False:
            return Reported()
        return answer


NO_ORDER = "10060001"
_STANDINGS = {
    TradeState.RECEIVED: TradeStanding.CONFIRMED,
    TradeState.AWAITING_SETTLEMENT: TradeStanding.CONFIRMED,
    TradeState.FINISHED: TradeStanding.SETTLED,
    TradeState.REFUNDED: TradeStanding.REFUNDED,
}


class PlatformTrades:
    """`settlement.ports.TradeStates` over the mini-program's platform (get_order)."""

    def __init__(self, programs: MiniPrograms) -> None:
        """Ask these mini-programs."""
        self._programs = programs

    async def look_up(self, tenant: TenantScope, *, transaction_id: str) -> TradeStanding | Unknown | None:
        """Where it stands; a state that came since counts as not confirmed."""
        answer = await (await self._programs.of(tenant)).trade_order(transaction_id)
        if isinstance(answer, Refused):
            return None if answer.code == NO_ORDER else Unknown(f"{answer.code} {answer.message}")
        if not isinstance(answer, TradeOrder):
            return answer
        if answer.in_dispute:
            return TradeStanding.DISPUTED
        return _STANDINGS.get(answer.state, TradeStanding.UNCONFIRMED)
