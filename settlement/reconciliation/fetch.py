"""Fetch one merchant's files of one day from its channel, keep them, compare them, prove the day. Nothing here asks a person anything.

A flow: the files are asked for first, then everything is written in one transaction, or with `dry_run` thrown away at its end. A file that
cannot be had or read is told with its reason; the others go on.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime

import msgspec

from orders.ports import Refused, Unknown
from settlement.patience import patiently
from settlement.reconciliation.accounts import Account
from settlement.reconciliation.billed import TakenBill, of_bill
from settlement.reconciliation.bills import (
    BEIJING,
    BillPending,
    BillSource,
    BillSources,
    NothingBilled,
    latest_ready,
    ready_at,
)
from settlement.reconciliation.compare_day import (
    compare_again,
    compare_day,
    compare_next,
    note_absent,
    note_present,
)
from settlement.reconciliation.errors import DayNotOver
from settlement.reconciliation.proof import prove_day
from settlement.reconciliation.queries import days_of
from settlement.reconciliation.states import OF_CHANNEL, OF_LINES, BillKind, DayState
from settlement.reconciliation.take_in import FROM_CHANNEL, KeptBill, keep_bill, nothing_on
from settlement.reconciliation.views import DayView, ProofView
from tenants.kernel.errors import Refusal
from tenants.kernel.scope import TenantScope, Writing
from tenants.views import MerchantView

NOT_OFFERED = "NOT_OFFERED"
"""This channel gives this merchant no such file."""
Answer = TakenBill | BillPending | NothingBilled | Refused | Unknown | Refusal


class MerchantDay(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one merchant's day."""

    merchant_no: str
    day: date
    days: list[DayView]
    proof: ProofView | None

    @property
    def is_pending(self) -> bool:
        """Whether a file is still to come."""
        return any(each.state is DayState.PENDING for each in self.days)

    @property
    def not_fetched(self) -> list[DayView]:
        """Days whose earlier file stays because the channel gave none this time; their `reason` says why."""
        return [each for each in self.days if each.reason and each.state is not DayState.REFUSED]

    @property
    def agrees(self) -> bool:
        """Whether every file that could be there was read, nothing is open, and the ledger is the bill. A file still to come is no difference."""
        wrong = any(each.open_differences or each.state is DayState.REFUSED for each in self.days)
        return not wrong and (self.proof is None or self.proof.holds)


async def reconcile_merchant(
    tenant: TenantScope,
    merchant: MerchantView,
    *,
    day: date,
    channels: BillSources,
    now: datetime,
    by: str,
    prove: bool = True,
    dry_run: bool = False,
) -> MerchantDay:
    """Take in the day's files of one merchant, compare them and prove the day; raises MerchantNotReady, DayNotOver."""
    source = await channels.bills(tenant, merchant.id)
    answers = {kind: await _ask(source, kind, merchant.merchant_no, day=day) for kind in OF_CHANNEL}
    _check_over(day, answers[BillKind.TRADE], now=now)

    async def step(db: Writing) -> MerchantDay:
        shown = []
        for kind, answer in answers.items():
            account = _account(merchant, kind)
            if not (isinstance(answer, Refused) and answer.code == NOT_OFFERED):
                await _take(db, account, day, answer=answer, by=by, now=now)
                await compare_again(db, account, before=day, now=now)
                await compare_next(db, account, after=day, now=now)
            shown += await days_of(db, kind=kind, account=merchant.merchant_no, days=[day])
        proof = await prove_day(db, _account(merchant, BillKind.TRADE), day=day) if prove else None
        if dry_run:
            await db.rollback()
        return MerchantDay(merchant_no=merchant.merchant_no, day=day, days=shown, proof=proof)

    # Two who do the same day wait for each other, longer than a request would.
    return await patiently(tenant, step)


async def require_over(
    tenant: TenantScope, known: Sequence[MerchantView], *, day: date, channels: BillSources, now: datetime
) -> None:
    """Look whether a day's files can be there, before anything is done about it; raises DayNotOver."""
    if day < now.astimezone(BEIJING).date():
        return
    answer: Answer = BillPending()
    if known:
        try:
            source = await channels.bills(tenant, known[0].id)
        except Refusal as refusal:
            raise _not_over(day, now=now) from refusal
        else:
            answer = await _ask(source, BillKind.TRADE, known[0].merchant_no, day=day)
    _check_over(day, answer, now=now)


def _check_over(day: date, answer: Answer, *, now: datetime) -> None:
    """A file that is there is there: only a channel whose clock runs ahead of ours (a simulator) has one of a day that is not over."""
    if day >= now.astimezone(BEIJING).date() and not isinstance(answer, TakenBill | Refusal):
        raise _not_over(day, now=now)


def _not_over(day: date, *, now: datetime) -> DayNotOver:
    latest = latest_ready(now)
    told = f"{day} is not over: its files come from {ready_at(day):%Y-%m-%d %H:%M} Beijing (次日10点后)"
    able = f"{latest}, since {ready_at(latest):%Y-%m-%d %H:%M} Beijing (最近可对账日)"
    return DayNotOver(details={"day": told, "latest day that can be compared": able})


def _account(merchant: MerchantView, kind: BillKind) -> Account:
    return Account(kind=kind, name=merchant.merchant_no, merchant_id=merchant.id, fee_bps=merchant.fee_bps)


async def reconcile_file(
    tenant: TenantScope, bill: TakenBill, *, account: Account, now: datetime, by: str, dry_run: bool = False
) -> tuple[KeptBill, DayView, ProofView | None]:
    """Take in a file that a person has, and compare its day; raises what is wrong with it, and nothing of it is kept then."""

    async def step(db: Writing) -> tuple[KeptBill, DayView, ProofView | None]:
        kept = await keep_bill(db, bill, account=account, by=by, now=now)
        await note_present(db, account, day=bill.day)
        await compare_day(db, account, day=bill.day, now=now)
        if account.kind in OF_LINES:
            # What was missing here until now, or parked for want of its order, may be explained.
            await compare_again(db, account, before=bill.day, now=now)
        await compare_next(db, account, after=bill.day, now=now)
        (shown,) = await days_of(db, kind=account.kind, account=account.name, days=[bill.day])
        proof = await prove_day(db, account, day=bill.day) if account.kind is BillKind.TRADE else None
        if dry_run:
            await db.rollback()
        return kept, shown, proof

    return await patiently(tenant, step)


async def _ask(source: BillSource, kind: BillKind, merchant_no: str, *, day: date) -> Answer:
    ask: dict[BillKind, Callable[[date], Awaitable[object]]] = {
        BillKind.TRADE: source.trade_bill, BillKind.SPLIT: source.split_bill, BillKind.FUND: source.fund_bill
    }  # fmt: skip
    try:
        answer = await ask[kind](day)
        if isinstance(answer, BillPending | NothingBilled | Refused | Unknown):
            return answer
        return of_bill(answer, kind=kind, merchant_no=merchant_no, day=day, origin=FROM_CHANNEL)  # type: ignore[arg-type]
    except Refusal as refusal:
        return refusal


async def _take(db: Writing, account: Account, day: date, *, answer: Answer, by: str, now: datetime) -> None:
    if isinstance(answer, BillPending):
        await note_absent(db, account, day=day, state=DayState.PENDING, reason=None)
    elif isinstance(answer, TakenBill | NothingBilled):
        bill = answer if isinstance(answer, TakenBill) else nothing_on(account, day)
        await keep_bill(db, bill, account=account, by=by, now=now)
        await note_present(db, account, day=day)
    else:
        await note_absent(db, account, day=day, state=DayState.REFUSED, reason=reason_of(answer))
    # Where the channel has nothing new to say, what was booked since is still held against the file that is there.
    await compare_day(db, account, day=day, now=now)


def reason_of(answer: Refused | Unknown | Refusal) -> str:
    """Why a file is not there, in a sentence."""
    if isinstance(answer, Unknown):
        return f"the channel did not answer: {answer.reason}"
    if isinstance(answer, Refused):
        return f"the channel refused: {answer.code} {answer.message}"
    details = "; ".join(
        [
            *(f"{place}: {told}" for place, told in answer.details.items()),
            *(f"{name}: {value}" for name, value in answer.fields.items()),
        ]
    )
    return f"{answer.sentence()} ({answer.zh})" + (f" {details}" if details else "")
