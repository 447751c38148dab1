"""SIGKILL to PostgreSQL, the API and the worker in the middle of concurrent buying: what was acknowledged is true, and the books balance.

The quick set; a thousand trials and the control that loses acknowledged orders: `scripts/kill_trials.py`.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text

from catalog.verify import verify_stock
from orders.verify import LAWS, verify_orders
from scripts.kill_trials import run_trials
from tests.orders.conftest import channels, trading
from tests.storefront.simulators.till import control, http, merchant_key

__all__ = ["channels", "control", "http", "merchant_key", "trading"]

TRIALS = 8
SEED = 6


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="storefront-kills-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(400)
def test_nothing_acknowledged_is_lost_and_no_law_is_broken_whoever_is_killed(home):
    outcome = run_trials(home, trials=TRIALS, seed=SEED)
    assert outcome.violations == [], (SEED, outcome.figures)
    assert outcome.figures["paid"] > TRIALS
    assert outcome.figures["sold out"] > 0
    assert len(outcome.figures["kills"]) == 3
    assert outcome.figures["longest wait (s)"] < 60


BREAKS = {
    "an order's refunded amount is the sum of its refunds":
        "UPDATE app.orders SET refunded_fen = refunded_fen + 1 WHERE tenant_id = :t AND id = :o",
    "a line's refunded amount and units are the sums of its refunds":
        "UPDATE app.order_lines SET refunded_fen = refunded_fen + 1 WHERE tenant_id = :t AND order_id = :o",
    "a paid order was paid its total, which is the sum of its lines":
        "UPDATE app.order_lines SET paid_fen = paid_fen - 1 WHERE tenant_id = :t AND order_id = :o",
    "a paid order has one payment that counts, an unpaid one has none":
        "UPDATE app.payments SET state = 'closed' WHERE tenant_id = :t AND order_id = :o",
    "a paid order was told once":
        "INSERT INTO app.outbox (tenant_id, id, kind, payload, occurred_at, due_at, attempts, fence) SELECT b.tenant_id, :o, b.kind, b.payload,"
    " b.occurred_at, b.due_at, 0, 0 FROM app.outbox b WHERE b.tenant_id = :t AND b.kind = 'OrderPaid' AND CAST(b.payload ->> 'order_id' AS uuid) = :o",
    "a paid order has its pickup": "DELETE FROM app.pickups WHERE tenant_id = :t AND order_id = :o",
    "units are held for unpaid orders, taken by paid ones, and free of cancelled ones":
        "UPDATE app.reservations SET state = 'released' WHERE tenant_id = :t AND order_id = :o",
    "no unpaid order outlives its time":
        "UPDATE app.orders SET state = 'awaiting_payment', expires_at = now() - interval '2 hours' WHERE tenant_id = :t AND id = :o",
    "no refund waits for ever":
        "INSERT INTO app.refunds (tenant_id, id, refund_no, source, source_name, store_id, state, amount_fen, requested_by,"
        " business_on, requested_at) SELECT s.tenant_id, s.id, 'R0', 'storefront', 'storefront', s.store_id, 'intended', 0, 'x',"
        " s.business_on, now() - interval '2 hours' FROM app.orders s WHERE s.tenant_id = :t AND s.id = :o",
}  # fmt: skip


def test_every_law_has_a_way_to_be_broken_here():
    assert BREAKS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", BREAKS)
async def test_a_broken_row_breaks_its_law(trading, now, law):
    """The controls of the laws: each is kept by an order that was bought, and broken by what it is about."""
    order = await trading.paid()
    async with trading.tenant.writing() as db:
        assert await verify_orders(db, now=now) == []
        await db.execute(text(BREAKS[law]), {"t": db.tenant_id, "o": order.id})
        assert law in {each.law for each in await verify_orders(db, now=now)}
        await db.rollback()


async def test_stock_that_reserves_for_nobody_is_found(trading):
    await trading.place()
    async with trading.tenant.writing() as db:
        assert await verify_stock(db) == []
        await db.execute(
            text("UPDATE app.stock SET reserved = reserved + 1 WHERE tenant_id = :t AND sku_id = :s"),
            {"t": db.tenant_id, "s": trading.shirt.sku},
        )
        (broken,) = await verify_stock(db)
        assert broken.broken == 1
        await db.rollback()
