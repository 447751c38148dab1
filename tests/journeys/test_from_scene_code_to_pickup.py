"""The story of a brand's first order, from a guide's scene code to the collected goods, a partial refund and balanced books.

The chapters are those of `scripts/story.py`, told over HTTP to the app on a real port; the simulator sends real callbacks and a worker
works along. Here the books are looked at afterwards.
"""

import asyncio
from datetime import UTC, datetime

import httpx

from guides.commands import ShareLink
from guides.share import share_link
from scripts.story_chapters import Cast, Login, Stage, tell
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.ids import random_code
from tenants.operators import appoint_operator
from tenants.states import StaffRole
from tests.storefront.simulators.till import control, merchant_key
from tests.support.rows import rows, value
from tests.support.shop import add_product, say, sell
from tests.support.trading import PRICE, open_trading

__all__ = ["control", "merchant_key"]

PASSWORD = "a long enough password"
GUIDES_RATE_BPS = 500


async def employ(trading, opened, role, store_id):
    command = EmployStaff(
        login=f"s-{random_code(10)}", name="店员", password=PASSWORD, role=role, store_id=store_id
    )
    password_hash = await opened.wiring.passwords.hash(PASSWORD)
    async with trading.tenant.writing() as db:
        await employ_staff(db, command, password_hash=password_hash, now=datetime.now(UTC))
    return Login(command.login, PASSWORD)


async def cast_for(trading, opened, guide_id):
    operator = f"operator-{random_code(8).lower()}"
    password_hash = await opened.wiring.passwords.hash(PASSWORD)
    async with opened.wiring.database.platform() as db:
        await appoint_operator(db, operator, name="运营", password_hash=password_hash, now=datetime.now(UTC))
    async with trading.tenant.writing() as db:
        link = ShareLink(store_id=trading.store.id, guide_id=guide_id)
        scene = await share_link(db, link, created_by="staff:test", now=datetime.now(UTC))
        only_there = await sell(db, await add_product(db, "武康路限定"), price=PRICE)
        await say(db, only_there.sku, trading.store.id, listed=False)
    code = await value(trading.tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    return Cast(
        code=code, appid=trading.appid, store_id=str(trading.store.id), elsewhere_id=str(trading.elsewhere.id),
        scene_code=scene.scene_code, operator=Login(operator, PASSWORD),
        counter=await employ(trading, opened, StaffRole.GUIDE, trading.store.id),
        other_counter=await employ(trading, opened, StaffRole.STORE_MANAGER, trading.elsewhere.id),
        finance=await employ(trading, opened, StaffRole.FINANCE, None),
    )  # fmt: skip


async def keep_working(opened, tenant, *, told):
    while not told.is_set():
        await opened.work(tenant)
        await asyncio.sleep(0.05)


async def portions(trading, order_id):
    statement = (
        "SELECT p.kind, sum(CASE WHEN e.credit_account_id = a.id THEN e.amount_fen ELSE -e.amount_fen END) AS held"
        " FROM app.ledger_entries e JOIN app.ledger_accounts a ON a.tenant_id = e.tenant_id"
        " AND a.id IN (e.credit_account_id, e.debit_account_id)"
        " JOIN app.parties p ON p.tenant_id = a.tenant_id AND p.id = a.party_id"
        " WHERE e.tenant_id = :t AND a.tenant_id = :t AND p.tenant_id = :t AND e.order_id = :o AND a.kind = 'payable'"
        " GROUP BY p.kind"
    )
    return {row.kind: int(row.held) for row in await rows(trading.tenant, statement, o=order_id)}


async def test_from_scene_code_to_pickup(opened, database, keys, control, merchant_key):
    trading = await open_trading(
        database, keys=keys, control=control, channels=opened.wiring.channels, pair=merchant_key
    )
    guide_id = await trading.guide(rate_bps=GUIDES_RATE_BPS)
    cast = await cast_for(trading, opened, guide_id)
    said: list[str] = []
    all_told = asyncio.Event()
    working = asyncio.create_task(keep_working(opened, trading.tenant, told=all_told))
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        stage = Stage(http, url=opened.url, say=said.append)
        told = await tell(cast, stage=stage, control=control, tenant=trading.tenant)
    all_told.set()  # not cancelled: an event in hand is finished, its lease is nobody else's
    await working
    await opened.work(trading.tenant)
    assert (told.guide_id, told.paid_fen, told.refunded_fen) == (str(guide_id), 2 * PRICE, PRICE)
    kept = told.paid_fen - told.refunded_fen
    commission = kept * GUIDES_RATE_BPS // 10_000
    assert await portions(trading, told.order_id) == {"guide": commission, "brand": kept - commission}
    books = await control.books()
    (account,) = [each for each in books["merchants"] if each["mchid"] == trading.mchid]
    assert (
        account["feeFen"] + account["unsettledFen"] + account["availableFen"] + account["frozenFen"] >= kept
    )
    parked = "SELECT kind, last_error FROM app.outbox WHERE tenant_id = :t AND parked_at IS NOT NULL"
    assert await rows(trading.tenant, parked) == []
    assert any("NOT_RANGED_HERE" in line for line in said)
    assert any("0 imported, 1 unchanged" in line for line in said)
    assert any(line.strip().startswith("kept: orders") for line in said)
