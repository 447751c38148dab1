"""Control of money: paying and refusing as the shopper, receipt, what refunds and splits will come to, deposits, bills' untruths."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from storefront.simulators import views
from storefront.simulators.control_frame import Command, ControlRefusal, Name, Part, commanded, shown
from storefront.simulators.records import BillChange, Coupon, Fate, Payment
from storefront.simulators.wechat_mini import parcels
from storefront.simulators.wechat_pay import books, refunds
from storefront.simulators.wechat_pay.flows import book, conservation

FAIL_REASONS = (
    "ACCOUNT_ABNORMAL", "NO_RELATION", "RECEIVER_HIGH_RISK", "RECEIVER_REAL_NAME_NOT_VERIFIED", "NO_AUTH",
    "RECEIVER_RECEIPT_LIMIT", "PAYER_ACCOUNT_ABNORMAL",
)  # fmt: skip
Positive = Annotated[int, Meta(ge=1)]


class Pay(Command, kw_only=True):
    """Pay a payment as its shopper, with coupons if any; with `wait` the answer comes after the callback's first attempt."""

    prepay_id: str | None = None
    out_trade_no: str | None = None
    mchid: str | None = None
    openid: str | None = None
    wait: bool = True
    coupons: list[Coupon] = msgspec.field(default_factory=list)


class Refuse(Command, kw_only=True):
    """Break a payment off as its shopper; with `failed` the bank refuses it and its state becomes PAYERROR until it is paid."""

    out_trade_no: str
    mchid: str | None = None
    failed: bool = False


class ConfirmReceipt(Command, kw_only=True):
    """Confirm, as the shopper, that the goods have come."""

    out_trade_no: str
    mchid: str | None = None


class DecideRefund(Command, kw_only=True):
    """Say how the next refund of a payment ends, or bring one that ended ABNORMAL to its end."""

    out_trade_no: str
    mchid: str | None = None
    out_refund_no: str | None = None
    status: Literal["SUCCESS", "ABNORMAL", "CLOSED"]


class DecideSplit(Command, kw_only=True):
    """Make the next so many splits to an account (or with `returns`, returns from it) fail for a reason."""

    account: Name
    reason: str = "ACCOUNT_ABNORMAL"
    times: Annotated[int, Meta(ge=1)] = 1
    returns: bool = False


class MoveMoney(Command, kw_only=True):
    """Put available money in, or take it out."""

    mchid: str
    amount_fen: Positive


class ChangeBill(Command, kw_only=True):
    """Plan an untruth in a bill: drop, alter, duplicate or add a row, alter the summary (`total`), or spoil the digest (`hash`)."""

    mchid: str
    bill: Literal["ALL", "SUCCESS", "REFUND", "FUND", "SPLIT"] = "ALL"
    bill_date: date
    change: Literal["drop", "alter", "duplicate", "add", "total", "hash"]
    row: Annotated[int, Meta(ge=0)] = 0
    column: str = ""
    value: str = ""
    keep_summary: bool = False


class Money(Part):
    """Carries out commands about money."""

    async def pay(self, command: Pay) -> dict[str, object]:
        """Pay, as a shopper's tap would; what WeChat would not let the shopper pay is refused."""
        payment = self._payable(command)
        if sum(each.amount for each in command.coupons) >= payment.total:
            raise ControlRefusal(422, "COUPONS_TOO_LARGE")
        books.pay(self.simulation, payment, coupons=command.coupons)
        callback = self.callbacks.notify_payment(payment)
        self.simulation.save()
        if command.wait and callback is not None:
            await self.callbacks.deliver_if_due(callback)
        found = views.payment_view(payment)
        return found | {"callback": None if callback is None else views.callback_view(callback)}

    def _payable(self, command: Pay) -> Payment:
        now = self.simulation.clock.now()
        if command.prepay_id is not None:
            session = self.state.sessions.get(command.prepay_id.removeprefix("prepay_id="))
            if session is None or session.expires_at <= now:
                raise ControlRefusal(404, "PREPAY_UNKNOWN")
            payment = self.state.payments[session.payment]
        else:
            payment = self.payment(command.out_trade_no, command.mchid)
        if payment.state not in {"NOTPAY", "PAYERROR"}:
            raise ControlRefusal(409, "PAYMENT_CLOSED" if payment.state == "CLOSED" else "PAYMENT_PAID")
        if payment.expires_at <= now:
            raise ControlRefusal(409, "PAYMENT_EXPIRED")
        if command.openid not in {None, payment.openid}:
            raise ControlRefusal(409, "PAYER_MISMATCH")
        return payment

    def refuse(self, command: Refuse) -> dict[str, object]:
        """Break off: nothing is paid, nothing is told, the number stays open."""
        payment = self._payable(Pay(out_trade_no=command.out_trade_no, mchid=command.mchid))
        payment.refusals += 1
        payment.state = "PAYERROR" if command.failed else payment.state
        return views.payment_view(payment)

    def confirm_receipt(self, command: ConfirmReceipt) -> dict[str, object]:
        """Confirm receipt."""
        payment = self.payment(command.out_trade_no, command.mchid)
        parcel = self.state.parcels.get(payment.key)
        if parcel is None:
            raise ControlRefusal(409, "NOT_SHIPPED")
        parcels.confirm(self.simulation, parcel, at=self.simulation.clock.now(), by_shopper=True)
        return {"confirmedAt": parcel.confirmed_at}

    def decide_refund(self, command: DecideRefund) -> dict[str, object]:
        """Plan a refund's end, or end one now that is ABNORMAL."""
        payment = self.payment(command.out_trade_no, command.mchid)
        if command.out_refund_no is None:
            self.state.refund_fates[payment.key] = command.status
            return {"planned": command.status}
        found = self.state.refunds.get(f"{payment.mchid}/{command.out_refund_no}")
        if found is None:
            raise ControlRefusal(404, "REFUND_UNKNOWN")
        found.planned = command.status
        if found.status == "ABNORMAL" and refunds.finish(
            self.simulation, found, at=self.simulation.clock.now()
        ):
            self.callbacks.tell([found])
        return {"status": found.status}

    def decide_split(self, command: DecideSplit) -> dict[str, object]:
        """Plan failures."""
        if command.reason not in FAIL_REASONS:
            raise ControlRefusal(422, "REASON_UNKNOWN")
        self.state.fates.append(
            Fate(account=command.account, reason=command.reason, times=command.times, returns=command.returns)
        )
        return {"planned": command.times}

    def deposit(self, command: MoveMoney) -> dict[str, object]:
        """Put money in, as a receiver does whose account is short."""
        self.pass_time()
        merchant, now = self.merchant(command.mchid), self.simulation.clock.now()
        merchant.available += command.amount_fen
        merchant.deposited += command.amount_fen
        number = self.simulation.draw_digits("deposit", 28)
        book(
            self.simulation,
            merchant,
            amount=command.amount_fen,
            title="充值",
            kind="充值",
            number=number,
            at=now,
        )
        return {"availableFen": merchant.available}

    def withdraw(self, command: MoveMoney) -> dict[str, object]:
        """Take money out, so that a refund or a return can meet an empty account."""
        self.pass_time()
        merchant, now = self.merchant(command.mchid), self.simulation.clock.now()
        if merchant.available < command.amount_fen:
            raise ControlRefusal(409, "NOT_ENOUGH")
        merchant.available -= command.amount_fen
        merchant.withdrawn += command.amount_fen
        number = self.simulation.draw_digits("withdrawal", 28)
        book(
            self.simulation,
            merchant,
            amount=-command.amount_fen,
            title="提现",
            kind="提现",
            number=number,
            at=now,
        )
        return {"availableFen": merchant.available}

    def change_bill(self, command: ChangeBill) -> dict[str, object]:
        """Plan an untruth."""
        fields = msgspec.structs.asdict(command) | {"bill_date": command.bill_date.isoformat()}
        self.state.bill_changes.append(BillChange(**fields))
        return {"planned": len(self.state.bill_changes)}

    def books(self) -> dict[str, object]:
        """Show the books: every merchant's money, every payment, refund, split and return."""
        self.pass_time()
        return views.books(self.simulation)

    def conservation(self) -> dict[str, object]:
        """Show where all money is."""
        self.pass_time()
        return conservation(self.simulation)


def money_routes(part: Money) -> list[HTTPRouteHandler]:
    """The paths of this part."""
    return [
        commanded(part, "/simulator/pay", kind=Pay, work=part.pay),
        commanded(part, "/simulator/refuse", kind=Refuse, work=part.refuse),
        commanded(part, "/simulator/receipts", kind=ConfirmReceipt, work=part.confirm_receipt),
        commanded(part, "/simulator/refunds/decide", kind=DecideRefund, work=part.decide_refund),
        commanded(part, "/simulator/splits/decide", kind=DecideSplit, work=part.decide_split),
        commanded(part, "/simulator/deposits", kind=MoveMoney, work=part.deposit),
        commanded(part, "/simulator/withdrawals", kind=MoveMoney, work=part.withdraw),
        commanded(part, "/simulator/bills/changes", kind=ChangeBill, work=part.change_bill),
        shown(part, "/simulator/books", show=part.books),
        shown(part, "/simulator/conservation", show=part.conservation),
    ]
