"""Money calls whose answers are lost, spoilt or late: each number has exactly one effect, however often it is sent (P7).

The suite makes 120 calls; the long run is `LOST_CALLS=10000 pytest tests/storefront/adapters/test_wechat_pay_lost_answers.py`.
"""

import os
import random
from dataclasses import dataclass, field

import msgspec
import pytest

from orders.ports import RefundRequest, Refused, Unknown
from settlement.ports import SplitRefused
from storefront.adapters import pacing
from storefront.simulators.faults import FaultKind
from tenants.kernel.money import Fen
from tests.storefront.adapters.parties import open_receiver, part, receiver, return_of, split_of
from tests.support.figures import note_figures

CALLS = int(os.environ.get("LOST_CALLS", "120"))
LOST = [FaultKind.ERROR_AFTER, FaultKind.CORRUPT, FaultKind.PROBE, FaultKind.STALE, FaultKind.UNSIGNED]
HARMLESS = [FaultKind.BUSY, FaultKind.LIMITED]
NUMBERS_A_PAYMENT = 8
MOST_TRIES = 12


@dataclass
class Storm:
    """One channel under faults; counts its calls and remembers what each number was to do."""

    till: object
    mall: str
    draw: random.Random
    calls: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    returns: dict[str, int] = field(default_factory=dict)

    async def until_known(self, call, request):
        """Send the same request until an answer is known."""
        faults = self.draw.choices([*LOST, *HARMLESS], k=self.draw.randrange(1, 7))
        for kind in faults:
            await self.till.control.plan_fault(kind, path="*")
        for _ in range(MOST_TRIES):
            self.calls += 1
            answer = await call(request)
            if not isinstance(answer, Unknown):
                assert not isinstance(answer, Refused | SplitRefused), answer
                return answer
        pytest.fail("the storm never ended")

    async def payment(self) -> None:
        """A payment with some splits, one return and some refunds."""
        channel = self.till.channel_with(attempts=1)
        request = await self.till.paid(10_000, profit_sharing=True)
        await self.till.control.advance(61)
        transaction = (await channel.look_up(request.payment_no)).transaction_id
        for turn in range(NUMBERS_A_PAYMENT):
            if turn % 2:
                asked = RefundRequest(
                    payment_no=request.payment_no,
                    refund_no=f"R{turn}-{request.payment_no}",
                    refund_fen=Fen(100 + turn),
                    total_fen=request.total_fen,
                    reason="退货",
                )
                self.refunds[asked.refund_no] = asked.refund_fen
                await self.until_known(channel.refund, asked)
                continue
            split = split_of(transaction, part(self.mall, 200 + turn))
            self.splits[split.split_no] = 200 + turn
            await self.until_known(channel.splitting.split, split)
            if turn == 2:
                await self.till.control.advance(3)
                back = return_of(split.split_no, self.mall, 50)
                self.returns[back.return_no] = 50
                await self.until_known(channel.splitting.give_back, back)
        await self.till.control.advance(5)


@pytest.fixture
async def storm(till, monkeypatch) -> Storm:
    # How long a limited caller waits is proved where paces are; here it would be nine tenths of the time.
    monkeypatch.setattr(pacing, "BACK_OFF_SECONDS", 0.01)
    mall = await open_receiver(till.control)
    await till.channel.splitting.add_receiver(receiver(mall))
    return Storm(till, mall, random.Random(2026))


@pytest.mark.timeout(1800)
async def test_every_number_has_exactly_one_effect_whatever_happens_to_its_answers(storm):
    while storm.calls < CALLS:
        await storm.payment()
    books = await storm.till.control.books()
    mine = [each for each in books["payments"] if each["mchid"] == storm.till.mchid]
    note_figures(
        "calls with lost answers", calls=storm.calls, refunds=len(storm.refunds), splits=len(storm.splits),
        returns=len(storm.returns),
    )  # fmt: skip
    assert sum(each["refundedFen"] for each in mine) == sum(storm.refunds.values())
    received = sum(storm.splits.values()) - sum(storm.returns.values())
    mall = next(each for each in books["merchants"] if each["mchid"] == storm.mall)
    assert mall["availableFen"] == received
    assert len(storm.refunds) + len(storm.splits) + len(storm.returns) >= CALLS // 8


async def test_control_a_new_number_for_each_try_has_more_effects_than_were_asked_for(storm, monkeypatch):
    steady = storm.until_known

    async def renumbering(call, request):
        if not isinstance(request, RefundRequest):
            return await steady(call, request)
        await storm.till.control.plan_fault(FaultKind.ERROR_AFTER, path="/v3/refund/*")
        await call(request)
        return await call(msgspec.structs.replace(request, refund_no=request.refund_no + "-2"))

    monkeypatch.setattr(storm, "until_known", renumbering)
    await storm.payment()
    books = await storm.till.control.books()
    mine = [each for each in books["payments"] if each["mchid"] == storm.till.mchid]
    assert sum(each["refundedFen"] for each in mine) > sum(storm.refunds.values())
