"""No fen appears or is lost whatever happens in whatever order, and the same seed tells the same story."""

import random
from datetime import UTC, datetime

import pytest

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.passing import settle_due
from storefront.simulators.records import Coupon, Fate, Merchant, Receiver
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import books, messages, refunds, split_messages, split_returns, splits
from storefront.simulators.wechat_pay.flows import conservation
from storefront.simulators.wechat_pay.refusals import GatewayRefusal

BEGAN = datetime(2026, 3, 10, 4, tzinfo=UTC)
STEPS = 400


class Life:
    """Random operations on books without HTTP: what is refused is refused, and the sum has to stay right."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.simulation = Simulation(seed=seed, clock=SimulatorClock(lambda: BEGAN))
        self.turn = 0
        state = self.simulation.state
        for mchid, options in (
            ("payee", {"fee_bps": 60, "max_ratio_bps": 9_000}),
            ("mall", {"accepts_returns": True}),
        ):
            state.merchants[mchid] = Merchant(
                mchid=mchid, wechat_key_id="", wechat_public_key="", wechat_private_key="", appids=["wx"],
                refund_seconds=2, settle_seconds=86_400, **options,
            )  # fmt: skip
        for kind, account in (
            ("MERCHANT_ID", "mall"),
            ("PERSONAL_OPENID", "guide"),
            ("PERSONAL_OPENID", "nameless"),
        ):
            receiver = Receiver(owner="payee", type=kind, account=account, name=None, relation_type="STAFF")
            state.receivers[f"payee/{kind}/{account}"] = receiver
        state.persons["guide"] = "林小满"
        self.payee = state.merchants["payee"]

    def number(self) -> str:
        self.turn += 1
        return f"N{self.turn:08d}"

    def pay(self) -> None:
        body = messages.Prepay(
            appid="wx", mchid="payee", description="x", out_trade_no=self.number(), notify_url="http://h/x",
            amount=messages.AmountToPay(total=self.dice.randint(1, 20_000)), payer=messages.Payer(openid="o"),
            settle=messages.Settle(profit_sharing=self.dice.random() < 0.8),
        )  # fmt: skip
        books.prepay(self.simulation, self.payee, body=body)
        payment = self.simulation.state.payments[f"payee/{body.out_trade_no}"]
        coupons = []
        if payment.total > 1 and self.dice.random() < 0.3:
            amount = self.dice.randint(1, payment.total - 1)
            coupons = [Coupon(coupon_id="C", amount=amount, type=self.dice.choice(["CASH", "NOCASH"]))]
        books.pay(self.simulation, payment, coupons=coupons)

    def some_payment(self):
        return self.dice.choice(list(self.simulation.state.payments.values()))

    def split(self) -> None:
        payment = self.some_payment()
        accounts = [("MERCHANT_ID", "mall"), ("PERSONAL_OPENID", "guide"), ("PERSONAL_OPENID", "nameless")]
        parts = [
            split_messages.Part(
                type=kind, account=account, amount=self.dice.randint(1, 3_000), description="x"
            )
            for kind, account in self.dice.sample(accounts, self.dice.randint(1, 3))
        ]
        if self.dice.random() < 0.2:
            self.simulation.state.fates.append(Fate(account="mall", reason="NO_AUTH"))
        splits.split(
            self.simulation,
            self.payee,
            wanted=self.wanted(payment, parts, unfreezes=self.dice.random() < 0.2),
        )

    def unfreeze(self) -> None:
        splits.unfreeze(
            self.simulation, self.payee, wanted=self.wanted(self.some_payment(), [], unfreezes=True)
        )

    def wanted(self, payment, parts, *, unfreezes) -> splits.Wanted:
        return splits.Wanted(
            sub_mchid=None,
            transaction_id=payment.transaction_id,
            out_order_no=self.number(),
            parts=parts,
            unfreezes=unfreezes,
        )

    def give_back(self) -> None:
        found = self.dice.choice([*self.simulation.state.splits.values()])
        body = split_messages.ReturnOrder(
            out_order_no=found.out_order_no, out_return_no=self.number(), return_mchid="mall",
            amount=self.dice.randint(1, 2_000), description="x",
        )  # fmt: skip
        split_returns.give_back(self.simulation, self.payee, body=body)

    def refund(self) -> None:
        payment = self.some_payment()
        if self.dice.random() < 0.2:
            self.simulation.state.refund_fates[payment.key] = self.dice.choice(["ABNORMAL", "CLOSED"])
        amount = messages.AmountToRefund(
            refund=self.dice.randint(1, payment.total), total=payment.total, currency="CNY"
        )
        body = messages.RefundOrder(
            out_trade_no=payment.out_trade_no, out_refund_no=self.number(), amount=amount,
            funds_account="AVAILABLE" if self.dice.random() < 0.1 else None,
        )  # fmt: skip
        refunds.refund(self.simulation, self.payee, body=body)

    def wait(self) -> None:
        self.simulation.clock.advance(self.dice.choice([1, 60, 3_600, 86_400, 10 * 86_400]))
        settle_due(self.simulation)

    def run(self) -> dict:
        self.pay()
        for _ in range(STEPS):
            step = self.dice.choice(
                [self.pay, self.split, self.split, self.unfreeze, self.give_back, self.refund, self.wait]
            )
            try:
                step()
            except (GatewayRefusal, IndexError):
                continue
            assert conservation(self.simulation)["balanced"], conservation(self.simulation)
        return conservation(self.simulation)


@pytest.mark.parametrize("seed", range(12))
def test_no_fen_appears_or_is_lost_after_random_operations(seed):
    life = Life(seed)
    found = life.run()
    flows = {each.mchid: each.balance for each in life.simulation.state.flows}
    assert (found["balanced"], flows["payee"]) == (True, life.payee.basic)
    assert min(found["refundedFen"], found["personsFen"], found["feeFen"]) > 0


def test_a_lost_fen_is_noticed():
    life = Life(1)
    life.run()
    life.payee.available += 1
    assert conservation(life.simulation)["balanced"] is False


def test_the_same_seed_tells_the_same_story_to_the_last_id():
    def story(seed: int) -> tuple:
        life = Life(seed)
        life.run()
        state = life.simulation.state
        return (
            state.flows,
            list(state.transactions),
            [
                (each.order_id, [detail.detail_id for detail in each.details])
                for each in state.splits.values()
            ],
            [each.refund_id for each in state.refunds.values()],
            [each.return_id for each in state.returns.values()],
        )

    assert story(3) == story(3)
    assert story(3) != story(4)
