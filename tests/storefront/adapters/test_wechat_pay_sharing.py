"""Splitting through the port, ordinary and chain-brand, against the simulator: the same stories for both products."""

from datetime import UTC, datetime

import pytest

from orders.ports import Unknown
from settlement.ports import (
    Added,
    Deleted,
    Ended,
    PartState,
    Reason,
    ReceiverKind,
    Relation,
    ReturnState,
    SplitRefused,
    Trouble,
)
from storefront.adapters.pacing import Pace, TokenBucket
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.notify import read_callback
from storefront.simulators.faults import FaultKind
from tests.storefront.adapters.parties import (
    LEGAL_NAME,
    number,
    open_partner,
    open_receiver,
    paid_for_splitting,
    part,
    receiver,
    return_of,
    split_of,
    unfreeze_of,
)
from tests.storefront.simulators.till import API_V3_KEY, SERIAL, Till, now

DAY = 86_400


@pytest.fixture(params=["direct", "partner", "brand"])
async def payee(request, till, control, http, merchant_key, notify_url):
    """A till of each kind."""
    if request.param == "direct":
        return till
    chain = await open_partner(
        control, http, merchant_key=merchant_key, notify_url=notify_url, brand=request.param == "brand"
    )
    return chain.till


@pytest.fixture
async def mall(control) -> str:
    return await open_receiver(control)


@pytest.fixture
async def related(payee, mall) -> str:
    """The mall, added as a receiver."""
    assert await payee.channel.splitting.add_receiver(receiver(mall)) == Added()
    return mall


async def test_a_split_is_accepted_then_done_and_the_rest_is_unfrozen(payee, related):
    splitting = payee.channel.splitting
    transaction = await paid_for_splitting(payee)
    asked = split_of(transaction, part(related, 2_000))
    accepted = await splitting.split(asked)
    assert (accepted.finished, accepted.parts[0].state) == (False, PartState.PENDING)
    await payee.control.advance(3)
    done = await splitting.look_up_split(asked.split_no, transaction_id=transaction)
    assert (done.finished, done.parts[0].state, done.parts[0].amount_fen) == (True, PartState.DONE, 2_000)
    assert done.parts[0].account == related
    assert done.channel_no == accepted.channel_no
    left = await splitting.unsplit_amount(transaction)
    assert left == 10_000 - 60 - 2_000

    ending = unfreeze_of(transaction)
    assert (await splitting.unfreeze(ending)).channel_no is not None
    assert await splitting.unsplit_amount(transaction) == 0
    assert (await splitting.look_up_split(ending.unfreeze_no, transaction_id=transaction)).parts == []
    assert await splitting.unfreeze(unfreeze_of(transaction)) == Ended(None)


async def test_a_split_that_finishes_leaves_nothing_to_split(payee, related):
    splitting = payee.channel.splitting
    transaction = await paid_for_splitting(payee)
    await splitting.split(split_of(transaction, part(related, 100), finish=True))
    assert await splitting.unsplit_amount(transaction) == 0


async def test_a_repeated_split_is_the_same_split_and_another_content_is_refused(payee, related):
    splitting = payee.channel.splitting
    asked = split_of(await paid_for_splitting(payee), part(related, 500))
    first, second = await splitting.split(asked), await splitting.split(asked)
    assert first.channel_no == second.channel_no
    other = split_of(asked.transaction_id, part(related, 501))
    other = type(asked)(transaction_id=asked.transaction_id, split_no=asked.split_no, parts=other.parts)
    assert (await splitting.split(other)).reason is Reason.OTHER_CONTENT


async def test_a_return_brings_the_money_back_once(payee, related):
    splitting = payee.channel.splitting
    transaction = await paid_for_splitting(payee)
    asked = split_of(transaction, part(related, 1_500))
    await splitting.split(asked)
    await payee.control.advance(3)
    back = return_of(asked.split_no, related, 600)
    first, second = await splitting.give_back(back), await splitting.give_back(back)
    assert (first.state, first.amount_fen, first.channel_no) == (ReturnState.DONE, 600, second.channel_no)
    seen = await splitting.look_up_return(back.return_no, split_no=asked.split_no)
    assert (seen.state, seen.merchant_no) == (ReturnState.DONE, related)
    more = await splitting.give_back(return_of(asked.split_no, related, 901))
    assert more.reason is Reason.NOT_ENOUGH


async def test_a_return_from_an_empty_account_waits_and_the_same_number_succeeds_after_a_top_up(
    payee, related
):
    splitting, control = payee.channel.splitting, payee.control
    asked = split_of(await paid_for_splitting(payee), part(related, 1_000))
    await splitting.split(asked)
    await control.advance(3)
    await control.withdraw(mchid=related, amount_fen=1_000)
    back = return_of(asked.split_no, related, 1_000)
    assert (await splitting.give_back(back)).reason is Reason.BALANCE_SHORT
    seen = await splitting.look_up_return(back.return_no, split_no=asked.split_no)
    assert seen.state is ReturnState.PENDING
    await control.command("deposits", mchid=related, amount_fen=1_000)
    assert (await splitting.give_back(back)).state is ReturnState.DONE


async def test_a_return_that_waits_five_days_fails_as_timed_out(payee, related):
    splitting, control = payee.channel.splitting, payee.control
    asked = split_of(await paid_for_splitting(payee), part(related, 1_000))
    await splitting.split(asked)
    await control.advance(3)
    await control.withdraw(mchid=related, amount_fen=1_000)
    back = return_of(asked.split_no, related, 1_000)
    await splitting.give_back(back)
    await control.advance(5 * DAY + 1)
    seen = await splitting.look_up_return(back.return_no, split_no=asked.split_no)
    assert (seen.state, seen.trouble) == (ReturnState.FAILED, Trouble.TIMED_OUT)


async def test_a_receiver_without_return_permission_is_named(payee, control):
    stingy = await open_receiver(control, accepts_returns=False)
    splitting = payee.channel.splitting
    await splitting.add_receiver(receiver(stingy))
    asked = split_of(await paid_for_splitting(payee), part(stingy, 100))
    await splitting.split(asked)
    await control.advance(3)
    assert (await splitting.give_back(return_of(asked.split_no, stingy, 100))).reason is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    ("word", "trouble"),
    [
        ("ACCOUNT_ABNORMAL", Trouble.ACCOUNT),
        ("RECEIVER_HIGH_RISK", Trouble.RISK),
        ("RECEIVER_RECEIPT_LIMIT", Trouble.LIMIT),
    ],
)
async def test_a_closed_part_says_why(payee, related, word, trouble):
    await payee.control.command("splits/decide", account=related, reason=word)
    asked = split_of(await paid_for_splitting(payee), part(related, 100))
    await payee.channel.splitting.split(asked)
    await payee.control.advance(3)
    done = await payee.channel.splitting.look_up_split(asked.split_no, transaction_id=asked.transaction_id)
    assert (done.finished, done.parts[0].state) == (True, PartState.CLOSED)
    assert (done.parts[0].trouble, done.parts[0].code) == (trouble, word)


async def test_a_split_too_early_is_to_be_repeated_later(payee, related):
    transaction = await paid_for_splitting(payee, wait_seconds=1)
    refusal = await payee.channel.splitting.split(split_of(transaction, part(related, 1)))
    assert refusal.reason is Reason.TOO_EARLY


async def test_a_receiver_that_was_deleted_or_never_added_is_no_relation(payee, related):
    splitting = payee.channel.splitting
    transaction = await paid_for_splitting(payee)
    assert await splitting.delete_receiver(receiver(related)) == Deleted()
    refusal = await splitting.split(split_of(transaction, part(related, 1)))
    assert (refusal.reason, refusal.code) == (Reason.NO_RELATION, "INVALID_REQUEST")


async def test_a_name_that_is_not_the_registered_one_is_a_mismatch(payee, mall):
    refusal = await payee.channel.splitting.add_receiver(receiver(mall, name="另一家公司"))
    assert refusal.reason is Reason.NAME_MISMATCH


async def test_more_than_the_ratio_is_over_ratio(payee, related):
    transaction = await paid_for_splitting(payee)
    refusal = await payee.channel.splitting.split(split_of(transaction, part(related, 3_001)))
    assert refusal.reason is Reason.OVER_RATIO


async def test_a_number_nobody_knows_is_not_found(payee, related):
    splitting = payee.channel.splitting
    transaction = await paid_for_splitting(payee)
    asked = await splitting.look_up_split("S-never", transaction_id=transaction)
    assert asked.reason is Reason.NOT_FOUND
    assert (await splitting.look_up_return("R-never", split_no="S-never")).reason is Reason.NOT_FOUND


async def test_a_payment_without_the_mark_can_never_be_split(till, mall):
    request = await till.paid(1_000)
    await till.control.advance(61)
    await till.channel.splitting.add_receiver(receiver(mall))
    transaction = (await till.channel.look_up(request.payment_no)).transaction_id
    refusal = await till.channel.splitting.split(split_of(transaction, part(mall, 1)))
    assert refusal.reason is Reason.NOT_MARKED


async def test_the_largest_rate_is_told_to_service_providers_only(
    till, control, http, merchant_key, notify_url
):
    assert (await till.channel.splitting.largest_rate()).reason is Reason.NOT_OFFERED
    for brand in (False, True):
        chain = await open_partner(
            control, http, merchant_key=merchant_key, notify_url=notify_url, brand=brand, max_ratio_bps=2_500
        )
        assert await chain.till.channel.splitting.largest_rate() == 2_500


async def test_a_person_is_paid_by_openid_under_the_real_name(till, control):
    await control.command("persons", openid="o-guide", name="李小雨")
    person = receiver("o-guide", kind=ReceiverKind.PERSON, relation=Relation.STAFF, name="李小雨")
    assert await till.channel.splitting.add_receiver(person) == Added()
    wrong = receiver("o-guide", kind=ReceiverKind.PERSON, relation=Relation.STAFF, name="王大风")
    assert (await till.channel.splitting.add_receiver(wrong)).reason is Reason.NAME_MISMATCH


@pytest.mark.parametrize("relation", Relation)
async def test_every_relation_is_worded_so_that_the_channel_takes_it(payee, mall, relation):
    assert await payee.channel.splitting.add_receiver(receiver(mall, relation=relation)) == Added()


@pytest.mark.parametrize("by", ["PUB_KEY_ID_", ""])
async def test_a_name_is_sealed_with_the_public_key_or_the_certificate(till, mall, by):
    keys = till.parts["verification_keys"]
    kept = {serial: pem for serial, pem in keys.items() if serial.startswith("PUB_KEY_ID_") is bool(by)}
    splitting = till.channel_with(verification_keys=kept).splitting
    assert await splitting.add_receiver(receiver(mall)) == Added()
    transaction = await paid_for_splitting(till)
    assert (await splitting.split(split_of(transaction, part(mall, 1, name=LEGAL_NAME)))).split_no


def test_numbers_of_splits_unfreezes_and_returns_cannot_be_confused():
    with pytest.raises(ValueError):
        type(unfreeze_of("t"))(transaction_id="t", unfreeze_no=number("S"), description="")
    with pytest.raises(ValueError):
        type(split_of("t"))(transaction_id="t", split_no=number("U"), parts=[])
    with pytest.raises(ValueError):
        type(return_of("S", "1", 1))(
            split_no="S", return_no=number("S"), merchant_no="1", amount_fen=1, description=""
        )


@pytest.mark.parametrize("kind", [FaultKind.ERROR_AFTER, FaultKind.CORRUPT, FaultKind.PROBE])
async def test_a_lost_answer_is_asked_again_and_splits_once(payee, related, kind):
    transaction = await paid_for_splitting(payee)
    await payee.control.plan_fault(kind, path="*profitsharing/orders", times=2)
    answer = await payee.channel.splitting.split(split_of(transaction, part(related, 500)))
    assert answer.parts[0].amount_fen == 500
    assert await payee.channel.splitting.unsplit_amount(transaction) == 10_000 - 60 - 500


async def test_control_a_new_number_after_an_unknown_splits_twice(till, mall):
    splitting = till.channel_with(attempts=1).splitting
    await splitting.add_receiver(receiver(mall))
    transaction = await paid_for_splitting(till)
    await till.control.plan_fault(FaultKind.ERROR_AFTER, path="*profitsharing/orders")
    assert isinstance(await splitting.split(split_of(transaction, part(mall, 500))), Unknown)
    await splitting.split(split_of(transaction, part(mall, 500)))
    assert await splitting.unsplit_amount(transaction) == 10_000 - 60 - 1_000


async def test_a_refusal_of_splitting_keeps_the_channels_own_words(till, mall):
    refusal = await till.channel.splitting.split(split_of("4200000000", part(mall, 1)))
    assert isinstance(refusal, SplitRefused)
    assert refusal.code
    assert refusal.message


@pytest.mark.parametrize("event", ["TRANSACTION", "PROFITSHARING"])
async def test_the_receiver_is_told_of_a_split_in_a_callback_of_its_own(
    till, control, http, merchant_key, notify_url, inbox, event
):
    taker = await Till.open(control, http, merchant_key=merchant_key, notify_url=notify_url)
    await control.command(
        "merchants",
        mchid=taker.mchid,
        legal_name=LEGAL_NAME,
        public_key=merchant_key[1],
        certificate_serial=SERIAL,
        api_v3_key=API_V3_KEY,
        split_notify_url=inbox.url,
        split_event=event,
    )
    await till.channel.splitting.add_receiver(receiver(taker.mchid))
    asked = split_of(await paid_for_splitting(till), part(taker.mchid, 700))
    await till.channel.splitting.split(asked)
    await control.advance(5)
    headers, body = inbox.letters[-1]
    told = read_callback(headers, body, credentials=taker.credentials, now=datetime.now(UTC)).told
    assert (told.number, told.amount_fen, told.account) == (asked.split_no, 700, taker.mchid)
    assert told.merchant_no == till.mchid


async def test_splitting_takes_its_turn_in_the_slower_bucket(till, http):
    pace = Pace(splitting=TokenBucket(per_second=0.1, burst=1))
    channel = WechatPayChannel(till.credentials, http, base_url=till.control.url, now=now, pace=pace)
    first, second = [await channel.splitting.unsplit_amount("4200000000") for _ in range(2)]
    assert (first.reason, second) == (
        Reason.NOT_FOUND,
        Unknown("held back: too many calls of this merchant at once"),
    )
    assert (await channel.look_up("P-1234567")).code == "ORDER_NOT_EXIST"
