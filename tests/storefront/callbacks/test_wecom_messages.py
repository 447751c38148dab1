"""WeCom's messages over real HTTP: verified, kept once, answered at once, and acted on by asking WeCom."""

import asyncio
import random
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
from sqlalchemy import text

from storefront.simulators.wecom import crypto
from storefront.simulators.wecom.records import Corp
from tenants.kernel.ids import new_id
from tests.support.rows import events, rows, value
from tests.support.trading import open_trading
from tests.support.wecom import open_company

BONDS = (
    "SELECT b.guide_id, b.way_id, b.active_to, b.ended_by, c.shopper_id FROM app.contact_bonds b JOIN app.contacts c"
    " ON c.tenant_id = b.tenant_id AND c.id = b.contact_id WHERE b.tenant_id = :t AND c.tenant_id = :t ORDER BY b.active_from"
)
INBOX = "SELECT count(*) FROM app.inbox WHERE tenant_id = :t"
MUTANTS = 400


def sealed(company, fields, *, stamp=None, token=None, corp_id=None, nonce="n0"):
    """A message as WeCom posts it: its query and body."""
    corp = Corp(corpid=corp_id or company.corp_id, token=token or company.token, aes_key=company.aes_key)
    named = {"Event": "change_external_contact", "CreateTime": int(datetime.now(UTC).timestamp())}
    encrypted = crypto.encrypt(corp, crypto.event_xml(corp, named | fields), salt=b"s" * 16)
    moment = int(datetime.now(UTC).timestamp()) if stamp is None else stamp
    return crypto.wecom_query(corp, encrypted, stamp=moment, nonce=nonce), crypto.wrap(corp, encrypted)


async def post(company, query, body, *, path=None):
    async with httpx.AsyncClient() as http:
        return await http.post(f"{company.shop.url}{path or company.path}?{query}", content=body)


ADDED = {"ChangeType": "add_external_contact", "UserID": "nobody", "ExternalUserID": "wm1"}


async def test_the_address_passes_wecoms_check_and_no_other_brands_does(company):
    assert (await company.command("verify-url"))["verified"] is True
    async with httpx.AsyncClient() as http:
        bare = await http.get(company.shop.url + company.path)
        nowhere = await http.get(f"{company.shop.url}/callbacks/wecom/{'x' * 32}")
    assert (bare.status_code, bare.text) == (401, "SIGNATURE_HEADER_MISSING")
    assert nowhere.status_code == 404


async def test_a_shopper_who_adds_a_guide_is_the_guides_from_then_on(company):
    guide = await company.guide()
    shopper, union_id = await company.shopper()
    await company.adds(guide, union_id=union_id)
    assert await company.holder(shopper) == guide
    ((found, _, active_to, _, known),) = await rows(company.tenant, BONDS)
    assert (found, active_to, known) == (guide, None, shopper)


async def test_the_way_counts_only_if_it_is_ours_and_that_guides(company):
    guide, other = await company.guide(), await company.guide()
    state = "INSERT INTO app.contact_ways (tenant_id, id, guide_id, code, created_at, created_by) VALUES"
    ways = {}
    for who in (guide, other):
        ways[who] = f"code{len(ways)}"
        async with company.tenant.writing() as db:
            await db.execute(
                text(f"{state} (:t, :i, :g, :c, now(), 'test')"),
                {"t": db.tenant_id, "i": new_id(), "g": who, "c": ways[who]},
            )
    await company.command("scan", userid=await company.member_no(guide), wrong_state=ways[guide])
    await company.command("scan", userid=await company.member_no(guide), wrong_state=ways[other])
    await company.command("scan", userid=await company.member_no(guide), wrong_state="invented")
    await company.delivered()
    ways_found = [each.way_id for each in await rows(company.tenant, BONDS)]
    own = await value(
        company.tenant, "SELECT id FROM app.contact_ways WHERE tenant_id = :t AND guide_id = :g", g=guide
    )
    assert sorted(ways_found, key=str) == sorted([own, None, None], key=str)


async def test_somebody_who_logs_in_later_is_recognised_and_the_first_guide_wins(company, shop):
    guide, second = await company.guide(), await company.guide()
    union_id = "un-later-" + company.corp_id
    contact = await company.adds(guide, union_id=union_id)
    await company.adds(second, union_id=union_id, external_userid=contact)
    code = await company.control.login_code(appid=company.trading.appid, unionid=union_id)
    async with httpx.AsyncClient() as http:
        body = {"code": code, "appid": company.trading.appid}
        answer = await http.post(f"{shop.url}/shopper/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    shopper = await value(
        company.tenant, "SELECT id FROM app.shoppers WHERE tenant_id = :t AND unionid = :u", u=union_id
    )
    assert await company.holder(shopper) == guide


async def test_whoever_ends_it_the_bond_and_the_hold_are_dated_and_not_rewritten(company):
    guide = await company.guide()
    for by_shopper in (True, False):
        shopper, union_id = await company.shopper()
        contact = await company.adds(guide, union_id=union_id)
        await company.command(
            "part", userid=await company.member_no(guide), external_userid=contact, by_shopper=by_shopper
        )
        await company.delivered()
        (held,) = await company.holders(shopper)
        assert (held.guide_id, held.active_to is None) == (guide, False)
    assert [each.ended_by for each in await rows(company.tenant, BONDS)] == ["shopper", "guide"]


async def test_in_whatever_order_adding_and_ending_arrive_the_end_is_the_same(company):
    guide = await company.guide()
    member = await company.member_no(guide)
    shopper, union_id = await company.shopper()
    contact = (await company.command("scan", userid=member, unionid=union_id))["externalUserid"]
    began = int((await company.control.advance(0)).timestamp())
    told = {"UserID": member, "ExternalUserID": contact}
    letters = [
        sealed(company, {"ChangeType": "del_follow_user", "CreateTime": began - 50, **told}, nonce="a"),
        sealed(company, {"ChangeType": "add_external_contact", "CreateTime": began, **told}, nonce="b"),
        sealed(company, {"ChangeType": "add_external_contact", "CreateTime": began - 90, **told}, nonce="c"),
    ]
    draw = random.Random(4)
    for _ in range(4):
        for query, body in draw.sample(letters, k=3):
            assert (await post(company, query, body)).status_code == 200
        await company.delivered()
        assert await company.holder(shopper) == guide


async def test_members_who_are_no_guides_and_invitations_change_nothing(company):
    await company.command("members", userid="boss")
    await company.command("scan", userid="boss")
    await company.delivered()
    query, body = sealed(company, ADDED | {"ChangeType": "add_half_external_contact"})
    assert (await post(company, query, body)).text == "success"
    await company.delivered()
    assert await rows(company.tenant, BONDS) == []
    assert (
        await value(
            company.tenant, "SELECT count(*) FROM app.outbox WHERE tenant_id = :t AND done_at IS NULL"
        )
        == 0
    )


async def test_a_repeat_and_a_replay_are_answered_and_kept_once(company):
    fields = ADDED | {"ExternalUserID": "wm-repeat"}
    query, body = sealed(company, fields)
    again, resealed = sealed(company, fields, nonce="other")
    answers = await asyncio.gather(
        *(post(company, query, body) for _ in range(8)), post(company, again, resealed)
    )
    assert {(each.status_code, each.text) for each in answers} == {(200, "success")}
    assert await value(company.tenant, INBOX) == 1
    assert len(await events(company.tenant, "ContactMessageKept")) == 1


async def test_what_is_not_this_corps_own_fresh_message_is_refused_and_kept_nowhere(
    company, shop, database, keys, control, merchant_key
):
    other = await open_company(
        await open_trading(database, keys=keys, control=control, channels=shop.wiring.channels, pair=merchant_key),
        shop=shop, keys=keys,
    )  # fmt: skip
    now = int(datetime.now(UTC).timestamp())
    query, body = sealed(company, ADDED)
    refused = {
        "another brand's address": await post(company, query, body, path=other.path),
        "an unknown address": await post(company, query, body, path=f"/callbacks/wecom/{'0' * 32}"),
        "another token": await post(company, *sealed(company, ADDED, token="guessed")),
        "another corp's id inside": await post(company, *sealed(company, ADDED, corp_id="ww-somebody")),
        "too old": await post(company, *sealed(company, ADDED, stamp=now - 301)),
        "from the future": await post(company, *sealed(company, ADDED, stamp=now + 400)),
        "a signature twice": await post(company, query + "&nonce=n0", body),
        "no signature": await post(company, "", body),
        "no body": await post(company, query, b""),
        "a megabyte": await post(company, query, b"<xml>" + b"x" * 1_048_576),
        "an entity": await post(company, query, b'<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>'),
        "a field twice": await post(company, query, b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>"),
        "a long address": await post(company, query + "&x=" + "y" * 5_000, body),
    }
    statuses = {name: answer.status_code for name, answer in refused.items()}
    assert {name: status for name, status in statuses.items() if status not in {401, 404, 413}} == {}
    assert statuses["a megabyte"] == 413
    for tenant in (company.tenant, other.tenant):
        assert await value(tenant, INBOX) == 0
    assert (await post(company, query, body)).status_code == 200, (
        "the control: the untouched message is taken"
    )


async def test_no_mutant_of_a_genuine_message_is_taken_and_none_is_a_fault_of_ours(company):
    query, body = sealed(company, ADDED)
    draw, statuses = random.Random(6), set()
    async with httpx.AsyncClient(base_url=company.shop.url) as http:
        for _ in range(MUTANTS):
            raw = bytearray(body.encode())
            raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
            if b"".join(bytes(raw).split()) == b"".join(body.encode().split()):
                continue
            statuses.add((await http.post(f"{company.path}?{query}", content=bytes(raw))).status_code)
    assert statuses <= {200, 401}
    kept = await rows(company.tenant, "SELECT external_id FROM app.inbox WHERE tenant_id = :t")
    assert len(kept) <= 1, "a mutant outside of the sealed text says the same thing"


async def test_a_brand_without_a_corp_has_no_address(trading, shop):
    key = await value(trading.tenant, "SELECT callback_key FROM app.tenants WHERE tenant_id = :t")
    async with httpx.AsyncClient() as http:
        query = urlencode({"msg_signature": "0" * 40, "timestamp": 1, "nonce": 1})
        for path in ("wecom", "wechat-mini"):
            assert (await http.post(f"{shop.url}/callbacks/{path}/{key}?{query}")).status_code == 404
