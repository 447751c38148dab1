"""Small ports of the lower floors, answered by the vendors' clients: guides' cards, and reports of pickups."""

from orders.ports import Assigned, HandOver, Refused, Reported, Unknown
from storefront.adapters.wechat_mini.platform import Delivered
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
