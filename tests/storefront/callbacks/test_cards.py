"""A guide is registered at WeChat Pay, the card is shown after payments, changes reach it, and nobody without one is kept from paying."""

import pytest
from sqlalchemy import text

from storefront.cli.doctor_tenant import card_faults
from storefront.simulators.faults import FaultKind
from tenants.states import StaffRole
from tests.support.http import Client, answered, refused
from tests.support.rows import events, value


@pytest.fixture
def hq(company, shop) -> Client:
    return Client(shop.app).as_staff(company.tenant, StaffRole.BRAND_HQ)


async def number_store(company, number=30_001):
    async with company.tenant.writing() as db:
        statement = "UPDATE app.stores SET wechat_store_no = :n WHERE tenant_id = :t AND id = :s"
        named = {"t": db.tenant_id, "s": company.trading.store.id, "n": number}
        await db.execute(text(statement), named)


async def registered(company, hq):
    await number_store(company)
    guide = await company.guide()
    answered(await hq.post(f"/brand/v1/guides/{guide}/contact-way"))
    return guide, answered(await hq.post(f"/brand/v1/guides/{guide}/card/registration"), 200)


async def at_wechat(company, card_no):
    books = await company.control.books()
    return next(each for each in books["guides"] if each["guideId"] == card_no)


async def test_a_registered_guides_card_is_shown_after_the_payment(company, hq):
    guide, card = await registered(company, hq)
    known = await at_wechat(company, card["cardNo"])
    assert (known["name"], known["mobile"], known["storeId"]) == ("小林", "13800138000", 30_001)
    at = await company.control.advance(0)
    order = await company.trading.place(guide_id=guide, now=at)
    payment = await company.trading.prepare(order.id, now=at, cards=company.shop.wiring.cards)
    books = await company.control.books()
    (assigned,) = [each for each in books["assignments"] if each["outTradeNo"] == payment.payment_no]
    assert (assigned["guideId"], assigned["cardShown"]) == (card["cardNo"], True)


async def test_registering_again_answers_the_same_card_also_after_a_lost_answer(company, hq):
    await number_store(company)
    guide = await company.guide()
    answered(await hq.post(f"/brand/v1/guides/{guide}/contact-way"))
    await company.control.plan_fault(FaultKind.ERROR_AFTER, path="*/smartguide/guides", times=5)
    refused(await hq.post(f"/brand/v1/guides/{guide}/card/registration"), 503, "CARD_PENDING")
    await company.control.plan_fault(FaultKind.ERROR_AFTER, path="*/nothing", times=1)
    cards = set()
    for _ in range(6):
        answer = await hq.post(f"/brand/v1/guides/{guide}/card/registration")
        if answer.status_code == 200:
            cards.add(answered(answer)["cardNo"])
    assert len(cards) == 1
    assert await value(company.tenant, "SELECT count(*) FROM app.guide_cards WHERE tenant_id = :t") == 1


async def test_what_changes_of_a_guide_changes_on_the_card(company, hq):
    guide, card = await registered(company, hq)
    changed = {
        "name": "林小满", "phone": "13900139000", "wecomUserid": await company.member_no(guide),
        "avatarUrl": "https://img.example/new.png",
    }  # fmt: skip
    answered(await hq.put(f"/brand/v1/guides/{guide}", json=changed))
    await company.shop.work(company.tenant)
    known = await at_wechat(company, card["cardNo"])
    assert (known["name"], known["mobile"], known["avatar"]) == (
        "林小满",
        "13900139000",
        "https://img.example/new.png",
    )


async def test_a_change_that_wechat_did_not_hear_is_told_again(company, hq):
    guide, card = await registered(company, hq)
    await company.shop.work(company.tenant)
    await company.control.plan_fault(FaultKind.BUSY, path="*/smartguide/guides/*", times=4)
    changed = {"name": "林小满", "phone": "13900139000", "wecomUserid": await company.member_no(guide),
               "avatarUrl": "https://img.example/new.png"}  # fmt: skip
    answered(await hq.put(f"/brand/v1/guides/{guide}", json=changed))
    await company.shop.work(company.tenant)
    for _ in range(4):
        await company.due_now("GuideChanged")
    assert (await at_wechat(company, card["cardNo"]))["name"] == "林小满"


async def test_what_is_missing_for_a_card_is_named(company, hq):
    guide = await company.guide()
    details = refused(await hq.post(f"/brand/v1/guides/{guide}/card/registration"), 409, "CARD_FACTS_MISSING")
    assert details == {"storeNo": "missing", "contactWay": "missing"}
    answered(await hq.put(f"/brand/v1/guides/{guide}", json={"name": "小林"}))
    await company.shop.work(company.tenant)
    details = refused(await hq.post(f"/brand/v1/guides/{guide}/card/registration"), 409, "CARD_FACTS_MISSING")
    assert set(details) == {"storeNo", "contactWay", "wecomUserid", "phone", "avatarUrl"}


async def test_a_guide_without_a_card_keeps_nobody_from_paying_and_doctor_names_them(company, hq, keys):
    _, _ = await registered(company, hq)
    without = await company.guide(name="小周")
    at = await company.control.advance(0)
    order = await company.trading.place(guide_id=without, now=at)
    payment = await company.trading.prepare(order.id, now=at, cards=company.shop.wiring.cards)
    assert payment.parameters is not None
    ((line, fix),) = await card_faults(company.tenant, keys=keys)
    assert "1 guide(s) have no card" in line
    assert "小周" in line
    assert "小林" not in line
    assert "card/registration" in fix


async def test_doctor_says_nothing_of_cards_where_nobody_uses_them(trading, keys):
    await trading.guide()
    assert await card_faults(trading.tenant, keys=keys) == []


async def test_who_left_is_not_registered_and_a_change_of_theirs_is_no_fault(company, hq):
    guide, _ = await registered(company, hq)
    answered(await hq.delete(f"/brand/v1/guides/{guide}"))
    refused(await hq.post(f"/brand/v1/guides/{guide}/card/registration"), 409, "GUIDE_LEFT")
    answered(await hq.put(f"/brand/v1/guides/{guide}", json={"name": "前导购"}))
    await company.shop.work(company.tenant)
    parked = (
        "SELECT count(*) FROM app.outbox WHERE tenant_id = :t AND (parked_at IS NOT NULL OR attempts > 0)"
    )
    assert await value(company.tenant, parked) == 0
    assert await events(company.tenant, "GuideChanged")
