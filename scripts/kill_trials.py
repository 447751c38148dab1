"""Kill PostgreSQL, the API and the worker with SIGKILL at random moments of concurrent buying, and count what is wrong afterwards.

    uv run python scripts/kill_trials.py --trials 1000 --seed 1
    uv run python scripts/kill_trials.py --trials 30 --control lossy-commit

Each trial sells one article of which there are too few to eight shoppers, pays through the simulator, refunds some, and kills one process
in the middle. Afterwards every law is recounted, the books included, and everything that was acknowledged is looked for. A control puts
a famous bug back, and must end with violations. Exit code 1 when there are any (with a control: when there are none).
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 the project's folder comes first
from sqlalchemy import text  # noqa: E402

from catalog.verify import verify_stock  # noqa: E402
from orders.verify import verify_orders  # noqa: E402
from scripts.kill_stage import Stage, open_stage  # noqa: E402
from scripts.kill_traffic import STOCK, Traffic, prepare_traffic  # noqa: E402
from settlement.verify import verify_books  # noqa: E402
from storefront.cli.seed import kept_report  # noqa: E402
from storefront.provision import connect  # noqa: E402
from storefront.simulators.remote import SimulatorControl  # noqa: E402
from storefront.tokens import AccessTokens  # noqa: E402
from storefront.wiring import system_clock  # noqa: E402
from tenants.kernel.ids import TenantId  # noqa: E402
from tenants.kernel.scope import TenantScope, open_database  # noqa: E402

VICTIMS = ("postgres", "postgres", "postgres", "api", "api", "worker")
SHOPPERS = 8
DRAIN_SECONDS = 120.0
LOSSY = "lossy-commit"
CONTROLS = (LOSSY,)
WAITING = (
    "SELECT concat_ws(' x ', kind, count(*)) FROM app.outbox"
    " WHERE tenant_id = :t AND done_at IS NULL AND parked_at IS NULL AND kind NOT IN ('OrderPlaced', 'BillDue') GROUP BY kind ORDER BY kind"
)
PARKED = (
    "SELECT concat_ws(' ', kind, last_error) FROM app.outbox WHERE tenant_id = :t AND parked_at IS NOT NULL"
)
# Orders that nobody pays expire by themselves, and a day's bill comes the next morning: neither is waited for.
# Retries wait longer and longer, and a dead worker's lease runs out after a minute: what time would do is done at once.
HURRY = "UPDATE app.outbox SET due_at = now(), leased_until = NULL WHERE done_at IS NULL AND kind NOT IN ('OrderPlaced', 'BillDue')"
MISSING_ORDERS = "SELECT count(*) FROM unnest(CAST(:ids AS uuid[])) AS i (id) WHERE NOT EXISTS (SELECT FROM app.orders o WHERE o.tenant_id = :t AND o.id = i.id{more})"
MISSING_REFUNDS = "SELECT count(*) FROM unnest(CAST(:ids AS uuid[])) AS i (id) WHERE NOT EXISTS (SELECT FROM app.refunds r WHERE r.tenant_id = :t AND r.id = i.id)"
SHELF = (
    "SELECT k.sku_id, k.on_hand, coalesce(t.units, 0) AS taken, coalesce(b.units, 0) AS back FROM app.stock k"
    " LEFT JOIN (SELECT sku_id, sum(quantity) AS units FROM app.reservations WHERE tenant_id = :t AND state = 'taken'"
    " GROUP BY sku_id) t ON t.sku_id = k.sku_id"
    " LEFT JOIN (SELECT l.sku_id, sum(CASE WHEN o.state = 'refunded' THEN l.quantity ELSE l.refunded_quantity END) AS units"
    " FROM app.order_lines l JOIN app.orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id"
    " WHERE l.tenant_id = :t AND o.tenant_id = :t AND o.source = 'storefront' GROUP BY l.sku_id) b ON b.sku_id = k.sku_id"
    " WHERE k.tenant_id = :t AND k.level_id = :store AND k.sku_id = ANY(CAST(:skus AS uuid[]))"
)
NUMBERS = {
    "payments": "SELECT payment_no AS no, amount_fen FROM app.payments WHERE tenant_id = :t AND state = 'paid'",
    "refunds": "SELECT refund_no AS no, amount_fen FROM app.refunds WHERE tenant_id = :t AND source = 'storefront' AND state = 'done'",
}


@dataclass
class Outcome:
    """What the trials showed."""

    trials: int
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


def run_trials(
    home: Path, *, trials: int, seed: int, control: str | None = None, say: Callable[[str], None] = print
) -> Outcome:
    """Bring a storefront up in `home`, run the trials, recount, and take it down."""
    stage = open_stage(home)
    try:
        return asyncio.run(_trials(stage, trials=trials, seed=seed, control=control, say=say))
    finally:
        stage.close()


async def _trials(
    stage: Stage, *, trials: int, seed: int, control: str | None, say: Callable[[str], None]
) -> Outcome:
    settings, report = stage.running.settings, kept_report(stage.running.wanted.home)
    if report is None:
        raise RuntimeError("there is no demonstration to sell from")
    chance, outcome, began = random.Random(seed), Outcome(trials), time.monotonic()  # noqa: S311 a schedule
    if control == LOSSY:
        await _as_superuser(stage, "ALTER DATABASE storefront SET synchronous_commit = off")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        simulator = SimulatorControl(stage.running.simulator_url, http)
        traffic = await prepare_traffic(
            http, stage.running.url, control=simulator, tokens=AccessTokens.with_key(settings.token_key()),
            report=report, shoppers=SHOPPERS, trials=trials,
        )  # fmt: skip
        for number in range(trials):
            await _trial(stage, traffic, number=number % len(traffic.goods), chance=chance)
            if (number + 1) % 10 == 0:
                say(f"{number + 1} trials in {time.monotonic() - began:.0f} s; killed {stage.kills}")
        database = open_database(str(settings.database_worker_url), pool_size=3)
        try:
            tenant = database.tenant(TenantId(UUID(traffic.brand.tenant_id)))
            recovered = await _drain(stage, tenant, control=simulator)
            outcome.violations += await _violations(tenant, traffic, control=simulator)
        finally:
            await database.close()
    seen = traffic.seen
    outcome.seconds = time.monotonic() - began
    outcome.figures = {
        "placed": len(seen.placed), "paid": len(seen.paid), "refunds": len(seen.refunds), "sold out": seen.sold_out,
        "requests repeated": seen.repeats, "longest wait (s)": round(seen.longest_wait, 1), "kills": stage.kills,
        "work left after the last trial was done in (s)": round(recovered, 1),
    }  # fmt: skip
    return outcome


async def _trial(stage: Stage, traffic: Traffic, *, number: int, chance: random.Random) -> None:
    """Buy, and kill one process at a random moment of it."""
    victim, moment = chance.choice(VICTIMS), chance.uniform(0.02, 1.2)
    buying = asyncio.create_task(traffic.trial(number, chance=random.Random(chance.random())))  # noqa: S311
    await asyncio.sleep(moment)
    stage.kill(victim)
    await stage.restore(victim)
    await buying
    stage.revive_ended()


async def _drain(stage: Stage, tenant: TenantScope, *, control: SimulatorControl) -> float:
    """Wait until nothing is left to do; seconds."""
    began = time.monotonic()
    while time.monotonic() - began < DRAIN_SECONDS:
        await control.advance(5)
        await _as_superuser(stage, HURRY)
        stage.revive_ended()
        await asyncio.sleep(1)
        async with tenant.reading() as db:
            left = (await db.execute(text(WAITING), {"t": db.tenant_id})).all()
        if not left:
            break
    return time.monotonic() - began


async def _violations(tenant: TenantScope, traffic: Traffic, *, control: SimulatorControl) -> list[str]:
    """Everything that is not as it must be."""
    seen, found = traffic.seen, list(traffic.seen.faults)
    async with tenant.reading() as db:
        broken = [*await verify_stock(db), *await verify_orders(db, now=system_clock())]
        found += [f"{each.law}: {each.broken}, such as {each.examples}" for each in broken]
        for finding in (await verify_books(db)).findings:
            found += [f"{finding.law}: {finding.broken}, such as {finding.examples}"] * bool(finding.broken)
        asked = {"t": db.tenant_id}
        found += [f"parked: {row[0]}" for row in await db.execute(text(PARKED), asked)]
        found += [f"stuck: {row[0]}" for row in await db.execute(text(WAITING), asked)]
        lost = {
            "acknowledged orders lost": (MISSING_ORDERS.format(more=""), seen.placed),
            "acknowledged payments lost": (
                MISSING_ORDERS.format(more=" AND o.state IN ('paid', 'collected', 'refunded')"), seen.paid,
            ),
            "acknowledged refunds lost": (MISSING_REFUNDS, seen.refunds),
        }  # fmt: skip
        for name, (statement, ids) in lost.items():
            number = (await db.execute(text(statement), asked | {"ids": ids})).scalar_one()
            found += [f"{name}: {number}"] * bool(number)
        shelf = asked | {"store": UUID(traffic.store_id), "skus": [UUID(sku) for sku, _ in traffic.goods]}
        for row in await db.execute(text(SHELF), shelf):
            if row.on_hand != STOCK - row.taken + row.back or row.on_hand < 0:
                found.append(f"shelf of {row.sku_id}: {row.on_hand}, not {STOCK} - {row.taken} + {row.back}")
        ours = {
            name: {row.no: row.amount_fen for row in await db.execute(text(statement), asked)}
            for name, statement in NUMBERS.items()
        }
    return found + _against_wechat(ours, await control.books(), mchid=traffic.brand.merchant_no)


def _against_wechat(
    ours: dict[str, dict[str, int]], books: dict[str, list[dict[str, object]]], *, mchid: str
) -> list[str]:
    """Our numbers against the channel's: the same, each with one effect."""
    theirs = {
        "payments": [(str(each["outTradeNo"]), each["totalFen"]) for each in books["payments"]
                     if each["mchid"] == mchid and each["paidAt"] is not None],
        "refunds": [(str(each["outRefundNo"]), each["amountFen"]) for each in books["refunds"]
                    if each["mchid"] == mchid and each["status"] == "SUCCESS"],
    }  # fmt: skip
    found = []
    for name, pairs in theirs.items():
        found += [f"{name}: a number with two effects"] * (len(dict(pairs)) != len(pairs))
        if dict(pairs) != ours[name]:
            different = sorted(set(pairs) ^ set(ours[name].items()))
            found.append(f"{name} differ from the channel's in {len(different)}, such as {different[:3]}")
    return found


async def _as_superuser(stage: Stage, statement: str) -> None:
    servers = stage.running.servers
    if servers is None:
        raise RuntimeError("this stage has no PostgreSQL of its own")
    connection = await connect(servers.superuser_url, database="storefront")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", choices=CONTROLS, help="put a famous bug back")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="storefront-kills-"))
    home.chmod(0o755)
    try:
        outcome = run_trials(home, trials=given.trials, seed=given.seed, control=given.control)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"{outcome.trials} trials, seed {given.seed}, {outcome.seconds:.0f} s")
    for name, value in outcome.figures.items():
        print(f"  {name}: {value}")
    print(f"{len(outcome.violations)} violations")
    for line in outcome.violations[:50]:
        print(f"  {line}")
    sys.exit(bool(outcome.violations) == (given.control is None))


if __name__ == "__main__":
    main()
