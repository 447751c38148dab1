"""The serving guide's card is assigned before the pay parameters leave the house, and never stands in their way."""

import pytest

from guides.cards import keep_card
from guides.commands import KeepCard
from orders.ports import Assigned, Refused, Unknown
from orders.states import PaymentStatus
from storefront.vendor_ports import ChannelCards
from tests.support.rows import value


class Cards:
    """Answers in the channel's place, and sees where the payment stood."""

    def __init__(self, answer, tenant):
        self.answer, self.tenant, self.heard = answer, tenant, []

    async def assign(self, _tenant, *, merchant_id, card_no, payment_no):  # noqa: ARG002
        state = "SELECT state FROM app.payments WHERE tenant_id = :t AND payment_no = :n"
        self.heard.append((card_no, payment_no, await value(self.tenant, state, n=payment_no)))
        return self.answer


async def order_of_guide(trading, now, *, card="LLA3card"):
    guide_id = await trading.guide()
    if card:
        async with trading.tenant.writing() as db:
            await keep_card(db, KeepCard(card_no=card), guide_id=guide_id, actor="staff:test", now=now)
    return await trading.place(guide_id=guide_id)


@pytest.mark.parametrize(
    "answer", [Assigned(), Refused("INVALID_REQUEST", "mch punished"), Unknown("no answer")]
)
async def test_the_card_comes_first_and_whatever_becomes_of_it_the_payment_goes_on(trading, now, answer):
    order = await order_of_guide(trading, now)
    cards = Cards(answer, trading.tenant)
    payment = await trading.prepare(order.id, cards=cards)
    assert payment.parameters is not None
    assert cards.heard == [("LLA3card", payment.payment_no, PaymentStatus.INTENDED)]


async def test_a_guide_without_a_card_and_an_order_without_a_guide_assign_nothing(trading, now):
    cards = Cards(Assigned(), trading.tenant)
    await trading.prepare((await order_of_guide(trading, now, card=None)).id, cards=cards)
    await trading.prepare((await trading.place()).id, cards=cards)
    assert cards.heard == []


async def test_the_channels_refusal_is_a_value(trading, now):
    order = await order_of_guide(trading, now, card="unknown-card")
    payment = await trading.prepare(order.id, cards=ChannelCards(trading.channels))
    assert payment.state is PaymentStatus.PREPARED


async def test_a_newer_card_takes_the_place_of_the_older(trading, now):
    guide_id = await trading.guide()
    for card in ("older", "newer"):
        async with trading.tenant.writing() as db:
            await keep_card(db, KeepCard(card_no=card), guide_id=guide_id, actor="staff:test", now=now)
    cards = Cards(Assigned(), trading.tenant)
    await trading.prepare((await trading.place(guide_id=guide_id)).id, cards=cards)
    assert [card for card, _, _ in cards.heard] == ["newer"]
