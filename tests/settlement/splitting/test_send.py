"""Splitting a payment through WeChat: when, how much, to whom, followed to the end, and nothing left frozen."""

import msgspec
import pytest
from sqlalchemy import text

from settlement.events import SplitScheduled
from settlement.ports import ChannelSplit, SplitPart, SplitRequest
from settlement.splitting import unfreeze
from settlement.splitting.errors import SplitPending
from settlement.splitting.numbers import new_unfreeze_no
from settlement.splitting.policy import SETTLED_AFTER, SplitPolicy, choose_split_policy, split_policy
from settlement.splitting.schedule import open_split, schedule_split, warn_of_freeze
from settlement.splitting.send import ask_split
from settlement.splitting.states import PartStatus, SplitStatus, UnfreezeStatus
from storefront.simulators.faults import FaultKind
from tenants.kernel.money import Fen
from tests.support.rows import events, rows
from tests.support.split_shop import MALL_NAME, SETTLED, open_receiver
from tests.support.trading import PRICE

MALL_PART = PRICE * 2_000 // 10_000


async def test_a_collected_order_is_split_and_nothing_stays_frozen(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert (found.state, [part.amount_fen for part in found.parts]) == (SplitStatus.ENDED, [MALL_PART])
    assert [part.state for part in found.parts] == [PartStatus.DONE]
    assert [each.state for each in found.unfreezes] == [UnfreezeStatus.DONE]
    assert (found.split_no[0], found.unfreezes[0].unfreeze_no[0]) == ("S", "U")
    assert await shop.available() == MALL_PART
    assert await shop.counters(order.id) == (PRICE, 0, MALL_PART)
    assert await shop.payable(shop.mall_party) == 0
    assert await shop.books_hold() == []


async def test_a_split_is_due_when_goods_can_no_longer_be_brought_back(shop):
    order = await shop.collected()
    found = await shop.split(order.id)
    assert found.due_at == shop.now + (SETTLED - SETTLED / 8)
    await shop.settle(splitting={"returnDays": 0, "settlementDays": 3})
    other = await shop.collected()
    assert (await shop.split(other.id)).due_at == shop.now + 3 * SETTLED / 8


async def test_an_order_that_is_not_collected_is_not_split(shop):
    order = await shop.paid()
    async with shop.tenant.writing() as db:
        await open_split(db, order.id, now=shop.now)
        assert await schedule_split(db, order.id, now=shop.now) is None
    assert (await shop.split(order.id)).state is SplitStatus.WAITING
    assert await shop.send(order.id) is SplitStatus.WAITING


async def test_a_payment_that_is_not_settled_is_asked_again_later_with_the_same_number(shop):
    order = await shop.collected()
    assert await shop.send(order.id) is SplitStatus.INTENDED
    first = await shop.split(order.id)
    assert "订单处理中" in first.channel_message
    again = [each["tried"] for each in await events(shop.tenant, SplitScheduled.__name__)]
    assert again == [0, 1]
    await shop.pass_days(8)
    after = await shop.split_through(order.id)
    assert (after.split_no, after.state) == (first.split_no, SplitStatus.ENDED)


@pytest.mark.parametrize("fault", [FaultKind.ERROR_AFTER, FaultKind.CORRUPT])
async def test_a_lost_answer_splits_once(shop, fault):
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.control.plan_fault(fault, path="*/profitsharing/orders", times=3)
    with pytest.raises(SplitPending):
        await shop.send(order.id)
    number = (await shop.split(order.id)).split_no
    found = await shop.split_through(order.id)
    assert (found.split_no, found.state) == (number, SplitStatus.ENDED)
    assert await shop.available() == MALL_PART


async def test_a_party_without_a_receiver_and_a_person_stay_payable(new_split_shop):
    shop = await new_split_shop()
    order = await shop.collected()
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert (found.state, found.parts) == (SplitStatus.ENDED, [])
    assert await shop.counters(order.id) == (PRICE, 0, 0)


async def test_a_closed_part_stays_payable(shop):
    order = await shop.collected()
    await shop.control.command("splits/decide", account=shop.mall_account, reason="ACCOUNT_ABNORMAL")
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    (part,) = found.parts
    assert (part.state, part.trouble, found.state) == (PartStatus.CLOSED, "account", SplitStatus.ENDED)
    assert await shop.counters(order.id) == (PRICE, 0, 0)
    assert await shop.books_hold() == []


async def test_what_exceeds_the_largest_share_is_cut_by_priority_and_stays_payable(new_split_shop):
    shop = await new_split_shop(mall_bps=2_800)
    await shop.receiver()
    platform = await open_receiver(shop.control, name="平台科技有限公司")
    await platform_fee(shop, 500)
    await shop.receiver(shop.party("platform"), account=platform, name="平台科技有限公司")
    order = await shop.collected()
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    given = {part.party.code.split(":")[0]: part.amount_fen for part in found.parts}
    assert given == {"mall": PRICE * 28 // 100, "platform": PRICE * 30 // 100 - PRICE * 28 // 100}
    assert found.state is SplitStatus.ENDED
    assert await shop.payable(shop.party("platform")) == PRICE * 5 // 100 - given["platform"]
    assert await shop.books_hold() == []


async def platform_fee(shop, bps):
    async with shop.tenant.writing() as db:
        statement = "UPDATE app.tenants SET platform_fee_bps = :bps WHERE tenant_id = :t"
        await db.execute(text(statement), {"t": db.tenant_id, "bps": bps})


async def test_a_refund_before_the_split_leaves_split_of_what_is_kept(shop):
    order = await shop.collected()
    await shop.refund(order.id, 9_999)
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert [part.amount_fen for part in found.parts] == [(PRICE - 9_999) * 2_000 // 10_000]
    assert found.state is SplitStatus.ENDED


async def test_a_full_refund_before_the_split_leaves_nothing_to_split(shop):
    order = await shop.collected()
    await shop.refund(order.id, PRICE)
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert (found.state, found.parts, found.unfreezes) == (SplitStatus.ENDED, [], [])


async def test_asking_twice_and_sending_twice_changes_nothing(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert await shop.send(order.id) is SplitStatus.ENDED
    assert await ask_split(shop.tenant, found.id, asked=3, channels=shop.channels, now=shop.now)
    assert await shop.split(order.id) == found
    assert await shop.available() == MALL_PART


async def test_day_31_everything_has_unfrozen_and_stays_payable(shop):
    await shop.settle(splitting={"returnDays": 40})
    order = await shop.collected()
    found = await shop.split(order.id)
    await shop.pass_days(25)
    async with shop.tenant.writing() as db:
        assert await warn_of_freeze(db, found.id, now=shop.now)
    assert len(await events(shop.tenant, "FreezeWarned")) == 1
    await shop.pass_days(6)
    assert await shop.send(order.id) is SplitStatus.LAPSED
    assert await shop.counters(order.id) == (PRICE, 0, 0)
    async with shop.tenant.writing() as db:
        assert not await warn_of_freeze(db, found.id, now=shop.now)


async def test_the_warning_is_due_on_day_25_or_170(shop):
    order = await shop.collected()
    statement = "SELECT due_at FROM app.outbox WHERE tenant_id = :t AND kind = 'FreezeNearsEnd' ORDER BY id"
    ((due_at,),) = await rows(shop.tenant, statement)
    assert (due_at - (await shop.split(order.id)).paid_at).days == 25
    await shop.settle(splitting={"freezeDays": 180, "warningDays": 10})
    other = await shop.collected()
    due_at = (await rows(shop.tenant, statement))[-1][0]
    assert (due_at - (await shop.split(other.id)).paid_at).days == 170


async def test_unfreeze_with_a_used_number_is_seen_through(shop, monkeypatch):
    order = await shop.collected()
    await shop.pass_days(8)
    found = await shop.split(order.id)
    used = "U" + found.id.hex[:20]
    channel = await shop.channels.splitting(shop.tenant, found.merchant_id)
    await use_number(shop, channel, order, used)
    numbers = iter([used])
    monkeypatch.setattr(
        unfreeze, "new_unfreeze_no", lambda code: next(numbers, None) or new_unfreeze_no(code)
    )
    after = await shop.split_through(order.id)
    assert [each.state for each in after.unfreezes] == [UnfreezeStatus.FUTILE, UnfreezeStatus.DONE]
    assert after.state is SplitStatus.ENDED


async def use_number(shop, channel, order, number):
    """Somebody split under a number that looks like an unfreeze's: what our own types refuse."""
    with pytest.raises(ValueError, match="start with S"):
        SplitRequest(transaction_id="4200", split_no=number, parts=[])
    transaction = await transaction_of(shop, order)
    request = SplitRequest(
        transaction_id=transaction, split_no="S-replaced",
        parts=[SplitPart(account=shop.mall_account, amount_fen=Fen(1), description="一分")],
    )  # fmt: skip
    msgspec.structs.force_setattr(request, "split_no", number)
    assert isinstance(await channel.split(request), ChannelSplit)
    await shop.pass_days(seconds=5)


async def transaction_of(shop, order):
    ((found,),) = await rows(
        shop.tenant,
        "SELECT transaction_id FROM app.splits WHERE tenant_id = :t AND order_id = :o",
        o=order.id,
    )
    return found


async def test_the_channels_word_about_a_receivers_name_stands_on_it(new_split_shop):
    shop = await new_split_shop()
    refused = await shop.receiver(name="别的公司")
    assert (refused.state, "全称不匹配" in refused.channel_message) == ("refused", True)
    added = await shop.receiver(name=MALL_NAME)
    assert (added.state, added.channel_code) == ("added", None)
    assert (await shop.receiver(name=MALL_NAME)).id == added.id


async def test_a_brand_chooses_when_its_payments_are_split_and_what_is_scheduled_stays(shop):
    before = await shop.collected()
    async with shop.tenant.writing() as db:
        chosen = SplitPolicy(settlement_days=0, return_days=0)
        await choose_split_policy(db, chosen, actor="staff:test", now=shop.now)
    after = await shop.collected()
    async with shop.tenant.reading() as db:
        assert await split_policy(db) == chosen
    assert ((await shop.split(before.id)).due_at - shop.now).days >= 6
    found = await shop.split(after.id)
    assert found.due_at == found.paid_at + SETTLED_AFTER
    deeds = "SELECT action, reason FROM app.audit_log WHERE tenant_id = :t AND action = 'settle'"
    assert [tuple(row) for row in await rows(shop.tenant, deeds)] == [("settle", "splitting")]
