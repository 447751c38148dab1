"""The ports of guides' floor, answered by WeCom's and WeChat Pay's clients: contacts, contact ways, moves, cards."""

from collections.abc import Sequence

from guides.ports import (
    Beginning,
    CardFacts,
    CardKept,
    ContactFacts,
    Following,
    MoveBegun,
    MoveFate,
    MoveResult,
    Refused,
    Unknown,
    WayEnded,
    WayMade,
)
from orders import ports as orders
from storefront.adapters.wechat_pay.guides import Card, CardRequest
from storefront.adapters.wecom import client as wecom
from storefront.channels import WechatPayChannels, WecomCorps
from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import TenantScope

MOVED_OFTEN = frozenset({"40128"})
UNDER_WAY = frozenset({"40129", "40100", "40131"})
"""Being moved already, or no longer the giver's: a repeat after a lost answer hears this of what began."""
NO_CONTACT = frozenset({"84061", "40096"})
_FATES = {
    wecom.MoveState.DONE: MoveFate.DONE,
    wecom.MoveState.WAITING: MoveFate.WAITING,
    wecom.MoveState.REFUSED: MoveFate.REFUSED,
    wecom.MoveState.TAKER_FULL: MoveFate.TAKER_FULL,
    wecom.MoveState.NONE: MoveFate.NONE,
}


class WecomContacts:
    """`guides.ports.ContactBook` over WeCom."""

    def __init__(self, corps: WecomCorps) -> None:
        """Ask these corps."""
        self._corps = corps

    async def make_way(
        self, tenant: TenantScope, *, member_no: str, hint: str, remark: str
    ) -> WayMade | Refused | Unknown:
        """Make a contact way for one member."""
        answer = await (await self._corps.of(tenant)).add_contact_way([member_no], state=hint, remark=remark)
        return WayMade(answer.id, answer.qr_code_url) if isinstance(answer, wecom.ContactWay) else _no(answer)

    async def end_way(self, tenant: TenantScope, *, way_no: str) -> WayEnded | Refused | Unknown:
        """Delete a contact way."""
        answer = await (await self._corps.of(tenant)).delete_contact_way(way_no)
        return WayEnded() if isinstance(answer, wecom.WayDeleted) else _no(answer)

    async def look_up(self, tenant: TenantScope, *, contact_no: str) -> ContactFacts | Refused | Unknown:
        """How a contact stands now; a refusal that does not say that nobody has it is no answer."""
        answer = await (await self._corps.of(tenant)).contact(contact_no)
        if isinstance(answer, orders.Refused) and answer.code not in NO_CONTACT:
            return Unknown(f"{answer.code} {answer.message}")
        if not isinstance(answer, wecom.Contact):
            return _no(answer)
        followings = [
            Following(member_no=each.user_id, since=each.added_at, hint=each.state_hint)
            for each in answer.follows
        ]
        return ContactFacts(contact_no=contact_no, union_id=answer.union_id, followings=followings)

    async def begin_moves(
        self, tenant: TenantScope, contact_nos: Sequence[str], *, giver: str, taker: str, resigned: bool
    ) -> list[MoveBegun] | Refused | Unknown:
        """Begin moving contacts."""
        client = await self._corps.of(tenant)
        answer = await client.start_moves(contact_nos, giver=giver, taker=taker, resigned=resigned)
        if not isinstance(answer, list):
            return _no(answer)
        return [
            MoveBegun(contact_no=each.contact_id, beginning=_beginning(each), code=each.code)
            for each in answer
        ]

    async def move_results(
        self, tenant: TenantScope, *, giver: str, taker: str, resigned: bool
    ) -> list[MoveResult] | Refused | Unknown:
        """What became of all moves between two members."""
        answer = await (await self._corps.of(tenant)).move_results(
            giver=giver, taker=taker, resigned=resigned
        )
        if not isinstance(answer, list):
            return _no(answer)
        return [
            MoveResult(contact_no=each.contact_id, fate=_FATES[each.state], at=each.at) for each in answer
        ]


class WechatPayCards:
    """`guides.ports.CardDesk` over WeChat Pay; the corp is the tenant's own."""

    def __init__(self, channels: WechatPayChannels, *, corps: WecomCorps) -> None:
        """Register through these channels."""
        self._channels = channels
        self._corps = corps

    async def register(
        self, tenant: TenantScope, facts: CardFacts, *, merchant_id: MerchantId
    ) -> CardKept | Refused | Unknown:
        """Register a guide."""
        channel = await self._channels.channel(tenant, merchant_id)
        request = CardRequest(
            corp_id=(await self._corps.keys_of(tenant)).corp_id,
            store_no=facts.store_no,
            user_id=facts.member_no,
            name=facts.name,
            mobile=facts.mobile,
            qr_code_url=facts.qr_code_url,
            avatar_url=facts.avatar_url,
        )
        answer = await channel.guides.register(request)
        return CardKept(answer.card_id) if isinstance(answer, Card) else _no(answer)

    async def change(
        self, tenant: TenantScope, facts: CardFacts, *, merchant_id: MerchantId, card_no: str
    ) -> CardKept | Refused | Unknown:
        """Tell what the card shows now."""
        channel = await self._channels.channel(tenant, merchant_id)
        answer = await channel.guides.change(
            card_no,
            name=facts.name,
            mobile=facts.mobile,
            qr_code_url=facts.qr_code_url,
            avatar_url=facts.avatar_url,
        )
        return CardKept(answer.card_id) if isinstance(answer, Card) else _no(answer)


def _beginning(each: wecom.MoveStart) -> Beginning:
    if each.started:
        return Beginning.STARTED
    if each.code in MOVED_OFTEN:
        return Beginning.LIMITED
    return Beginning.ALREADY if each.code in UNDER_WAY else Beginning.REFUSED


def _no(answer: orders.Refused | orders.Unknown) -> Refused | Unknown:
    if isinstance(answer, orders.Refused):
        return Refused(answer.code, answer.message)
    return Unknown(answer.reason)
