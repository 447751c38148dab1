"""Refunds asked for over HTTP at two instances of the app at once, while the order is split: never more together than was paid."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from orders import refund as refunding
from settlement.splitting.errors import SplitPending
from storefront.app import create_app
from storefront.settings import Settings
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring, wire
from tenants.kernel.ids import OrderId, SessionId, new_id
from tenants.kernel.money import Fen
from tests.settlement.splitting.test_races import overspent_at_the_channel
from tests.support.rows import value
from tests.support.served import serving
from tests.support.split_shop import SplitShop
from tests.support.trading import PRICE

AT_ONCE = 20
BACK = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM app.refunds WHERE tenant_id = :t AND order_id = :o AND state <> 'failed'"
HELD = "SELECT split_fen FROM app.orders WHERE tenant_id = :t AND id = :o"
ASKED = text("SELECT coalesce(sum(amount_fen), 0) FROM app.refunds WHERE tenant_id = :t AND order_id = :o")


@asynccontextmanager
async def two_instances(shop: SplitShop, settings: Settings) -> AsyncIterator[tuple[list[str], str]]:
    """The app twice, each with connections of its own, in the simulator's time; and finance's token."""
    made: list[Wiring] = []

    def make_app(url: str) -> Litestar:
        at_simulator = msgspec.structs.replace(
            settings,
            storefront_public_url=url,
            wechat_pay_url=shop.control.url,
            wechat_api_url=shop.control.url,
        )
        made.append(wire(at_simulator, clock=lambda: shop.now))
        return create_app(wiring=made[-1])

    async with serving(make_app) as one, serving(make_app) as other:
        finance = Principal(
            audience=Audience.STAFF, subject=new_id(), session_id=SessionId(new_id()), tenant_id=shop.tenant.tenant_id,
            role="finance",
        )  # fmt: skip
        yield [one, other], made[0].tokens.issue(finance, now=shop.now)[0]


async def race(shop: SplitShop, settings: Settings, order_id: OrderId) -> tuple[Counter[int], int, int]:
    """One split and refunds of random size at once; how they were answered, what goes back, and what receivers hold."""
    draw = Random(20)

    async def split() -> None:
        with suppress(SplitPending):
            await shop.split_through(order_id)

    async with two_instances(shop, settings) as (urls, token), httpx.AsyncClient(timeout=60) as caller:

        async def ask(turn: int) -> int:
            body = {
                "lines": [{"lineNo": 1, "amountFen": draw.randrange(PRICE // 20, PRICE // 5)}],
                "reason": "不合身",
            }
            url = f"{urls[turn % 2]}/staff/v1/orders/{order_id}/refunds"
            headers = {"authorization": f"Bearer {token}", "idempotency-key": f"turn-{turn}"}
            return (await caller.post(url, json=body, headers=headers)).status_code

        *answers, _ = await asyncio.gather(*(ask(turn) for turn in range(AT_ONCE)), split())
    back, held = [await value(shop.tenant, asked, o=order_id) for asked in (BACK, HELD)]
    return Counter(answers), back, held


async def test_refunds_over_http_and_a_split_at_once_never_exceed_what_was_paid(
    shop: SplitShop, settings: Settings
) -> None:
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=2 * PRICE)
    order = await shop.collected()
    await shop.pass_days(8)
    answers, back, split = await race(shop, settings, order.id)
    assert set(answers) == {201, 409}
    assert PRICE // 2 < back + split <= PRICE
    assert await overspent_at_the_channel(shop) == []
    assert await shop.books_hold() == []


async def test_control_counted_by_adding_up_before_writing_the_same_race_overspends(
    shop: SplitShop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hyperswitch 13182: two refunds of 60 on a payment of 100 look at the same time, and both go through."""
    order = await shop.collected()
    await shop.pass_days(8)

    async def add_up(db: Any, _line: Any, *, asked: Any) -> Fen:
        before = int((await db.execute(ASKED, {"t": db.tenant_id, "o": order.id})).scalar_one())
        if before + asked.amount_fen > PRICE:
            raise refunding.RefundExceedsPaid(order_id=order.id)
        return Fen(asked.amount_fen)

    async def unlocked(db: Any, order_id: OrderId, **_named: Any) -> Any:
        row = "SELECT state, source, source_name, store_id, guide_id, paid_fen FROM app.orders WHERE tenant_id = :t AND id = :o"
        return (await db.execute(text(row), {"t": db.tenant_id, "o": order_id})).one()

    async def lines(db: Any, order_id: OrderId) -> dict[int, Any]:
        row = "SELECT * FROM app.order_lines WHERE tenant_id = :t AND order_id = :o"
        return {
            each.line_no: each for each in await db.execute(text(row), {"t": db.tenant_id, "o": order_id})
        }

    async def uncounted(*_args: Any, **_named: Any) -> None:
        await asyncio.sleep(0.05)

    for name, theirs in (
        ("_take_from_line", add_up), ("_lock_refundable", unlocked), ("_lock_lines", lines), ("_take_from_order", uncounted)
    ):  # fmt: skip
        monkeypatch.setattr(refunding, name, theirs)
    _, back, split = await race(shop, settings, order.id)
    assert back + split > PRICE
