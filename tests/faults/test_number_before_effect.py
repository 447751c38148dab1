"""A refund's number is written down before the channel is called: a process that dies after the call and before noting it repeats the same refund.

The control makes the number when calling: the same death then gives the money back twice.
"""

from datetime import UTC, datetime

import msgspec
import pytest

from orders.commands import RefundedLine, RequestRefund
from orders.give_back import send_refund
from orders.refund import request_refund
from orders.states import RefundStatus
from tenants.kernel.ids import random_code
from tests.orders.conftest import channels, trading
from tests.storefront.simulators.till import control, http, merchant_key

__all__ = ["channels", "control", "http", "merchant_key", "trading"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may catch it."""


class Deadly:
    """The channel, for a process that dies as soon as the channel has done what was asked; `renumber` is the famous bug."""

    def __init__(self, inner, *, deaths: int, renumber: bool = False) -> None:
        self.inner, self.deaths, self.renumber = inner, deaths, renumber

    async def channel(self, tenant, merchant_id):
        self.real = await self.inner.channel(tenant, merchant_id)
        return self

    async def refund(self, request):
        if self.renumber:
            request = msgspec.structs.replace(request, refund_no="R" + random_code(20))
        answer = await self.real.refund(request)
        if self.deaths:
            self.deaths -= 1
            raise Killed
        return answer


async def given_back(trading, *, renumber: bool) -> list[int]:
    """Refund a third of an order through a process that dies twice; what WeChat's books say was given back."""
    order = await trading.paid()
    now = datetime.now(UTC)
    command = RequestRefund(lines=[RefundedLine(line_no=1, amount_fen=order.total_fen // 3)], reason="不要了")
    async with trading.tenant.writing() as db:
        refund = await request_refund(
            db, command, order_id=order.id, now=now, requested_by="staff:test", store_id=None,
            splits=trading.splits,
        )  # fmt: skip
    deadly = Deadly(trading.channels, deaths=2, renumber=renumber)
    for _ in range(2):
        with pytest.raises(Killed):
            await send_refund(trading.tenant, refund.id, channels=deadly, splits=trading.splits, now=now)
    status = None
    if not renumber:
        status = await send_refund(trading.tenant, refund.id, channels=deadly, splits=trading.splits, now=now)
        assert status in (RefundStatus.PENDING, RefundStatus.DONE)
    books = await trading.control.books()
    return [each["amountFen"] for each in books["refunds"] if each["mchid"] == trading.mchid]


async def test_a_refund_is_given_once_however_often_its_process_dies(trading):
    assert len(await given_back(trading, renumber=False)) == 1


async def test_a_number_made_at_the_call_gives_the_money_back_twice(trading):
    assert len(await given_back(trading, renumber=True)) == 2
