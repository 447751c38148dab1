"""The mini-program platform's pushes: verified, kept once, and only ever a reason to ask; what get_order says sets the split's moment."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from orders.report_hand_over import report_hand_over
from settlement.events import SplitScheduled
from settlement.ports import TradeStanding
from settlement.splitting.react import send_due_split
from settlement.splitting.trades import note_standing
from storefront.simulators.wechat_mini.push import push_body, push_query
from storefront.simulators.wechat_mini.records import App
from storefront.vendor_ports import PlatformReports, PlatformTrades
from tenants.commands import ConnectPush
from tenants.connect import connect_push
from tenants.credentials import app_identity
from tenants.kernel.ids import SplitId
from tenants.queries import callback_key
from tests.support.rows import events, rows, value
from tests.support.split_shop import SplitShop, open_split_shop

INBOX = "SELECT count(*) FROM app.inbox WHERE tenant_id = :t AND source LIKE 'wechat-mini:%'"
SPLIT = "SELECT id, state, due_at, confirmed_at, transaction_id FROM app.splits WHERE tenant_id = :t"
HINT = {"MsgType": "event", "Event": "trade_manage_order_settlement", "transaction_id": "4200001"}


class Pushed:
    """A brand whose mini-program pushes messages to the open shop."""

    def __init__(self, trading, shop, *, app: App) -> None:
        self.trading, self.shop, self.app = trading, shop, app

    async def post(self, fields=HINT, *, stamp=None, body=None, query=None, path=None, app=None):
        app = app or self.app
        text = push_body(app, fields, salt=b"s" * 16) if body is None else body
        moment = int(datetime.now(UTC).timestamp()) if stamp is None else stamp
        signed = push_query(app, text, stamp=moment, nonce="n0") if query is None else query
        address = f"{self.shop.url}{path}" if path else self.app.push_url
        async with httpx.AsyncClient() as http:
            return await http.post(f"{address}?{signed}", content=text)


async def connect(trading, shop, keys, *, sealed: bool, **options) -> Pushed:
    aes_key = (
        base64.b64encode(secrets.token_bytes(33)).decode().replace("+", "x").replace("/", "y")[:42] + "A"
    )
    async with trading.tenant.writing() as db:
        command = ConnectPush(token="pushtoken", encoding_aes_key=aes_key if sealed else None)
        await connect_push(db, command, keys=keys, now=datetime.now(UTC))
        url = f"{shop.url}/callbacks/wechat-mini/{await callback_key(db)}"
    app = App(
        appid=trading.appid, secret="app-secret", push_url=url, push_token="pushtoken",
        push_aes_key=aes_key if sealed else "", **options,
    )  # fmt: skip
    await trading.control.register_app(
        appid=app.appid, secret=await app_secret(trading, keys), push_url=url, push_token=app.push_token,
        push_aes_key=app.push_aes_key, trade_managed=app.trade_managed,
    )  # fmt: skip
    return Pushed(trading, shop, app=app)


async def app_secret(trading, keys) -> str:
    async with trading.tenant.reading() as db:
        return (await app_identity(db, keys=keys))[1]


@pytest.mark.parametrize("sealed", [False, True])
async def test_the_address_passes_the_platforms_check(trading, shop, keys, sealed):
    pushed = await connect(trading, shop, keys, sealed=sealed)
    assert (await trading.control.command("apps/verify-url", appid=pushed.app.appid))["verified"] is True
    async with httpx.AsyncClient() as http:
        bare = await http.get(f"{pushed.app.push_url}?echostr=1")
    assert (bare.status_code, bare.text) == (401, "SIGNATURE_HEADER_MISSING")


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_message_is_kept_once_and_what_we_have_no_use_for_not_at_all(trading, shop, keys, sealed):
    pushed = await connect(trading, shop, keys, sealed=sealed)
    for _ in range(3):
        answer = await pushed.post()
        assert (answer.status_code, answer.text) == (200, "success")
    assert (await pushed.post({"MsgType": "event", "Event": "user_enter_tempsession"})).text == "success"
    assert (await pushed.post({"MsgType": "text", "Content": "hello"})).text == "success"
    assert await value(trading.tenant, INBOX) == 1
    assert len(await events(trading.tenant, "PushMessageKept")) == 1


async def test_xml_is_read_as_json_is(trading, shop, keys):
    pushed = await connect(trading, shop, keys, sealed=False)
    fields = "".join(f"<{name}><![CDATA[{each}]]></{name}>" for name, each in HINT.items())
    assert (await pushed.post(body=f"<xml>{fields}</xml>")).text == "success"
    assert await value(trading.tenant, INBOX) == 1


async def test_what_is_not_this_apps_own_fresh_message_is_refused_and_kept_nowhere(trading, shop, keys):
    pushed = await connect(trading, shop, keys, sealed=True)
    app, now = pushed.app, int(datetime.now(UTC).timestamp())
    plain = App(appid=app.appid, secret="s", push_token=app.push_token)
    other = App(appid="wxsomebodyelse", secret="s", push_token=app.push_token, push_aes_key=app.push_aes_key)
    guessed = App(appid=app.appid, secret="s", push_token="guessed", push_aes_key=app.push_aes_key)
    good = push_query(app, push_body(app, HINT, salt=b"s" * 16), stamp=now, nonce="n0")
    refused = {
        "plain text, where sealed is agreed": await pushed.post(app=plain),
        "another app's id inside": await pushed.post(app=other),
        "another token": await pushed.post(app=guessed),
        "too old": await pushed.post(stamp=now - 301),
        "another body under the signature": await pushed.post(body='{"Encrypt": "AAAA"}', query=good),
        "a field twice": await pushed.post(body='{"Encrypt": "AAAA", "Encrypt": "BBBB"}', query=good),
        "no JSON": await pushed.post(body="{", query=good),
        "a megabyte": await pushed.post(body="x" * 1_048_576, query=good),
        "an unknown address": await pushed.post(path=f"/callbacks/wechat-mini/{'0' * 32}"),
    }
    statuses = {name: answer.status_code for name, answer in refused.items()}
    assert {name for name, status in statuses.items() if status not in {401, 404, 413}} == set()
    assert await value(trading.tenant, INBOX) == 0
    assert (await pushed.post()).status_code == 200, "the control: the genuine message is taken"
    assert await value(trading.tenant, INBOX) == 1


@pytest.fixture
async def split_shop(shop, database, settings, keys, control, http, merchant_key) -> SplitShop:
    """A trade-managed brand under a mall's contract, whose goods may not be brought back: only settlement holds its splits."""
    made = await open_split_shop(
        database, settings=settings, keys=keys, control=control, http=http, pair=merchant_key
    )
    await made.settle(splitting={"returnDays": 0, "settlementDays": 1})
    made.pushed = await connect(made.trading, shop, keys, sealed=True, trade_managed=True)
    await made.receiver()
    made.trades, made.reports = PlatformTrades(shop.wiring.minis), PlatformReports(shop.wiring.minis)
    return made


async def shipped(made):
    """An order that was collected and reported to the platform."""
    order = await made.collected((made.trading.shirt.sku, 1))
    await report_hand_over(made.tenant, order.id, reports=made.reports)
    return order


async def the_split(made):
    ((split_id, state, due_at, confirmed_at, number),) = await rows(made.tenant, SPLIT)
    return SplitId(split_id), state, due_at, confirmed_at, number


async def test_the_early_push_moves_nothing_and_the_settled_one_makes_the_split_due(split_shop, shop):
    await shipped(split_shop)
    _, _, before, _, _ = await the_split(split_shop)
    await split_shop.control.advance(0)
    await shop.work(split_shop.tenant)
    assert (await the_split(split_shop))[2:4] == (before, None), "shipped is not received"
    await split_shop.pass_days(4)
    await shop.work(split_shop.tenant)
    _, state, due_at, confirmed_at, _ = await the_split(split_shop)
    assert confirmed_at is not None
    assert due_at < before, "the hand-over's guess lay a day ahead of our clock"
    assert state == "accepted", "and the worker has sent it"


async def test_a_push_that_lies_moves_nothing(split_shop, shop):
    """It claims everything is settled; get_order says shipped."""
    await shipped(split_shop)
    split_id, _, before, _, number = await the_split(split_shop)
    lie = HINT | {"transaction_id": number, "confirm_receive_time": "1", "settlement_time": "1"}
    assert (await split_shop.pushed.post(lie)).status_code == 200
    await shop.work(split_shop.tenant)
    assert (await the_split(split_shop))[:4] == (split_id, "scheduled", before, None)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("standing", "return_days", "due_after"),
    [
        (TradeStanding.UNCONFIRMED, 0, DAY),  # as scheduled at the hand-over
        (TradeStanding.CONFIRMED, 0, 3 * DAY),  # seen confirmed after two days, settled a day later
        (TradeStanding.CONFIRMED, 7, 7 * DAY),
        (TradeStanding.SETTLED, 0, 2 * DAY),  # at once
        (TradeStanding.SETTLED, 7, 7 * DAY),
        (TradeStanding.DISPUTED, 0, 3 * DAY),  # held, and asked about again a day later
        (TradeStanding.REFUNDED, 0, DAY),
    ],
)
async def test_a_split_is_due_no_earlier_than_settlement_and_the_end_of_returns(
    split_shop, standing, return_days, due_after
):
    await split_shop.settle(splitting={"returnDays": return_days, "settlementDays": 1})
    order = await split_shop.collected((split_shop.trading.shirt.sku, 1))
    collected_at = split_shop.now
    seen_at = collected_at + 2 * DAY
    split_id = (await the_split(split_shop))[0]
    async with split_shop.tenant.writing() as db:
        await note_standing(db, split_id, standing=standing, now=seen_at)
    assert (await the_split(split_shop))[2] - collected_at == due_after
    assert len(await events(split_shop.tenant, "TradeAwaited")) == (standing is TradeStanding.DISPUTED)
    assert (await split_shop.split(order.id)).state == "scheduled"


async def test_an_event_from_before_it_was_put_off_sends_nothing(split_shop):
    order = await split_shop.collected((split_shop.trading.shirt.sku, 1))
    split_id, _, due_at, _, _ = await the_split(split_shop)
    async with split_shop.tenant.writing() as db:
        await note_standing(db, split_id, standing=TradeStanding.DISPUTED, now=due_at)
    fact = SplitScheduled(split_id=split_id)
    await send_due_split(split_shop.tenant, fact, channels=split_shop.channels, now=due_at)
    assert (await split_shop.split(order.id)).state == "scheduled"
    await split_shop.pass_days(5)
    await send_due_split(split_shop.tenant, fact, channels=split_shop.channels, now=due_at + 2 * DAY)
    assert (await split_shop.split(order.id)).state != "scheduled", (
        "the control: once its new moment has come"
    )
