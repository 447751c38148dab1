"""A service provider that speaks for its sub-merchant: the same port, other paths and names."""

from datetime import UTC, datetime

import pytest

from orders.ports import AlreadyPaid, ChannelRefund, Closed, PaymentState, RefundRequest, RefundState
from storefront.adapters.errors import CallbackForAnotherMerchant
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import MerchantCredentials, SubMerchant
from storefront.adapters.wechat_pay.notify import read_callback
from tenants.kernel.money import Fen
from tests.storefront.adapters.parties import open_partner
from tests.storefront.simulators.till import now


@pytest.fixture(params=[True, False], ids=["own app", "provider's app"])
async def chain(request, control, http, merchant_key, inbox):
    return await open_partner(
        control, http, merchant_key=merchant_key, notify_url=inbox.url, own_app=request.param
    )


def refund_of(request, amount: int) -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no="R" + request.payment_no,
        refund_fen=Fen(amount),
        total_fen=request.total_fen,
        reason="退货",
    )


async def test_a_partners_payment_is_the_sub_merchants_from_prepay_to_refund(chain):
    till = chain.till
    request = await till.paid(8_800)
    seen = await till.channel.look_up(request.payment_no)
    assert (seen.state, seen.merchant_no, seen.total_fen) == (PaymentState.PAID, chain.sub_mchid, 8_800)
    assert (seen.appid, seen.openid) == (chain.sub_appid or till.credentials.appid, request.openid)
    assert await till.channel.close(request.payment_no) == AlreadyPaid()
    answer = await till.channel.refund(refund_of(request, 800))
    assert isinstance(answer, ChannelRefund)
    assert answer.merchant_no == chain.sub_mchid
    await till.control.advance(5)
    assert (await till.channel.look_up_refund(answer.refund_no)).state is RefundState.DONE


async def test_a_partners_unpaid_number_is_closed(chain):
    request = chain.till.request()
    await chain.till.channel.prepare(request)
    assert await chain.till.channel.close(request.payment_no) == Closed()
    assert (await chain.till.channel.look_up(request.payment_no)).state is PaymentState.CLOSED


async def test_the_front_ends_fields_are_signed_for_the_app_that_owns_the_openid(chain):
    prepared = await chain.till.channel.prepare(chain.till.request())
    assert prepared.parameters.package == f"prepay_id={prepared.prepay_id}"
    assert chain.till.credentials.payer_appid == (chain.sub_appid or chain.till.credentials.appid)


async def test_a_partners_callbacks_name_the_sub_merchant(chain, inbox):
    till = chain.till
    request = till.request(5_000)
    prepared = await till.channel.prepare(request)
    await till.control.pay(prepay_id=prepared.prepay_id)
    headers, body = inbox.letters[0]
    told = read_callback(headers, body, credentials=till.credentials, now=datetime.now(UTC)).told
    assert told == await till.channel.look_up(request.payment_no)
    await till.channel.refund(refund_of(request, 5_000))
    await till.control.advance(5)
    headers, body = inbox.letters[-1]
    told = read_callback(headers, body, credentials=till.credentials, now=datetime.now(UTC)).told
    assert (told.merchant_no, told.state) == (chain.sub_mchid, RefundState.DONE)

    other = MerchantCredentials(**till.parts | {"sub": SubMerchant(mchid="1900000099")})
    with pytest.raises(CallbackForAnotherMerchant):
        read_callback(headers, body, credentials=other, now=datetime.now(UTC))


async def test_an_answer_about_the_provider_itself_does_not_settle_the_sub_merchants_payment(chain):
    request = await chain.till.paid(1_000)
    stranger = chain.till.parts | {"sub": SubMerchant(mchid="1900000099")}
    channel = WechatPayChannel(
        MerchantCredentials(**stranger), chain.till.http, base_url=chain.till.control.url, now=now
    )
    assert not hasattr(await channel.look_up(request.payment_no), "state")
