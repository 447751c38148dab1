"""The movements of a merchant's account beside what our books expect of them: a row for each payment, refund, fee, split and return.

A movement is known by what it is about and the channel's number of that; deposits, withdrawals and words that are not known have no
counterpart in our books, so a person says why each happened (or the brand's policy says that its own withdrawals need nobody).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Text, and_, case, cast, func, literal, select, true
from sqlalchemy.orm import aliased

from orders.channel_queries import channel_payments_select, channel_refunds_select
from settlement.reconciliation.accounts import Account, beijing_day, mine, within
from settlement.reconciliation.models import BillFile, BillRow
from settlement.reconciliation.states import BillKind, BillState
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.states import PartStatus, ReturnStatus
from tenants.kernel.money import WHOLE
from tenants.kernel.scope import Reading

PREFIX = "fund."
OWN = ("deposit", "withdrawal")
"""What the merchant itself moves in and out."""
UNSURE = "unsure"
"""Says that our books know of the movement and not how much: coupons were in it, whose rounding is the channel's affair."""


def business_of(row: Any) -> Any:
    """What a movement is about, from the channel's words and the direction."""
    kind, title = row.cells["kind"].astext, row.cells["title"].astext
    came = row.amount_fen > 0
    about_fee = and_(kind.in_(("退款", "扣除交易手续费")), title.contains("手续费", autoescape=True))
    return case(
        (and_(kind == "交易", came), "paid"),
        (and_(kind == "扣除交易手续费", ~came), "fee"),
        (and_(about_fee, came), "fee_back"),
        (about_fee, "fee_again"),
        (and_(kind == "退款", came), "refund_undone"),
        (kind == "退款", "refund"),
        (and_(kind == "分账", came), "received"),
        (kind == "分账", "split"),
        (and_(kind == "分账回退", came), "return"),
        (kind == "分账回退", "given_back"),
        (kind == "充值", "deposit"),
        (kind.startswith("提现"), "withdrawal"),
        else_="unknown",
    )


def fund_rows(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None, own_listed: bool
) -> Any:
    """The movements that the current files tell; keys are made from what was read, so files kept long ago compare as well."""
    business = business_of(BillRow)
    number = func.coalesce(func.nullif(BillRow.cells["number"].astext, ""), BillRow.cells["flow_id"].astext)
    key = literal(PREFIX) + business + ":" + number
    nothing = func.jsonb_build_object()
    said = func.jsonb_build_object("kind", BillRow.kind, "fee", None, "amounts", nothing, "words", nothing)
    statement = (
        select(
            literal("theirs").label("side"), key.label("key"), BillFile.day.label("day"),
            BillRow.amount_fen.label("amount_fen"), true().label("certain"), said.label("said"),
            cast(BillFile.id, Text).label("ref"), BillRow.line.label("place"),
        )
        .join(BillFile, and_(BillFile.tenant_id == BillRow.tenant_id, BillFile.id == BillRow.bill_id))
        .where(
            BillRow.tenant_id == db.tenant_id, mine(BillFile, db=db, account=account),
            BillFile.state == BillState.CURRENT, BillFile.day.between(first, last),
        )
    )  # fmt: skip
    if own_listed:
        statement = statement.where(business.not_in(OWN))
    return statement if keys is None else statement.where(key.in_(keys))


def expected_movements(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None
) -> list[Any]:
    """What our books expect on the account, a statement for each kind of movement."""
    found = [
        *_of_payments(db, account), *_of_refunds(db, account), *_of_parts(db, account), *_of_returns(db, account),
    ]  # fmt: skip
    return [_chosen(each.subquery(), first=first, last=last, keys=keys) for each in found]


def _chosen(of: Any, *, first: date, last: date, keys: Sequence[str] | None) -> Any:
    statement = select(
        literal("ours").label("side"), of.c.key, beijing_day(of.c.at).label("day"), of.c.amount_fen, of.c.certain,
        func.jsonb_build_object("kind", "fund", UNSURE, of.c.unsure).label("said"),
        cast(of.c.order_id, Text).label("ref"), literal(0).label("place"),
    ).where(of.c.amount_fen != 0, *within(of.c.at, first=first, last=last))  # fmt: skip
    return statement.where(of.c.certain) if keys is None else statement.where(of.c.key.in_(keys))


def _of_payments(db: Reading, account: Account) -> list[Any]:
    of = channel_payments_select(db.tenant_id).subquery()
    settled = func.coalesce(of.c.settled_fen, of.c.amount_fen)
    unsure = of.c.settled_fen.is_(None)
    return [
        _event(of, account, "paid", amount=settled, certain=of.c.certain, unsure=unsure),
        _event(of, account, "fee", amount=-_fee(settled, account), certain=and_(of.c.certain, ~unsure), unsure=unsure),
    ]  # fmt: skip


def _of_refunds(db: Reading, account: Account) -> list[Any]:
    of = channel_refunds_select(db.tenant_id).subquery()
    kept = of.c.whole_fen - of.c.before_fen
    fee = _fee(kept, account) - _fee(kept - of.c.amount_fen, account)
    settled = func.coalesce(of.c.settled_fen, of.c.amount_fen)
    unsure = of.c.settled_fen.is_(None)
    sure = and_(of.c.certain, ~unsure)
    # What was taken back and is not done after all comes again: it may be there, and need not.
    never = literal(value=False)
    return [
        _event(of, account, "refund", amount=-settled, certain=of.c.certain, unsure=unsure),
        _event(of, account, "fee_back", amount=fee, certain=sure, unsure=unsure),
        _event(of, account, "refund_undone", amount=settled, certain=never, unsure=unsure),
        _event(of, account, "fee_again", amount=-fee, certain=never, unsure=unsure),
    ]


def _event(of: Any, account: Account, business: str, *, amount: Any, certain: Any, unsure: Any) -> Any:
    return select(
        (literal(f"{PREFIX}{business}:") + of.c.vendor_no).label("key"), of.c.at, cast(amount, BigInteger).label("amount_fen"),
        certain.label("certain"), unsure.label("unsure"), of.c.order_id,
    ).where(of.c.merchant_id == account.merchant_id, of.c.vendor_no.is_not(None))  # fmt: skip


def _fee(amount: Any, account: Account) -> Any:
    """`settlement.posting.fees.fee_on` in the database."""
    return func.div(2 * amount * account.fee_bps + WHOLE, 2 * WHOLE)


def _of_parts(db: Reading, account: Account) -> list[Any]:
    """What left for receivers; and what this account received of another's sales."""
    paid = Split.merchant_id == account.merchant_id
    received = SplitPartRow.account == account.name
    return [
        _parts(db, "split", amount=-SplitPartRow.amount_fen, mine=paid),
        _parts(db, "received", amount=SplitPartRow.amount_fen, mine=received),
    ]


def _parts(db: Reading, business: str, *, amount: Any, mine: Any) -> Any:
    return (
        select(
            (literal(f"{PREFIX}{business}:") + SplitPartRow.detail_no).label("key"),
            func.coalesce(SplitPartRow.ended_at, Split.created_at).label("at"), amount.label("amount_fen"),
            (SplitPartRow.state == PartStatus.DONE).label("certain"), literal(value=False).label("unsure"), Split.order_id,
        )
        .join(Split, and_(Split.tenant_id == SplitPartRow.tenant_id, Split.id == SplitPartRow.split_id))
        .where(
            SplitPartRow.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id,
            SplitPartRow.detail_no.is_not(None), mine,
        )
    )  # fmt: skip


def _of_returns(db: Reading, account: Account) -> list[Any]:
    got, gave = Split.merchant_id == account.merchant_id, SplitReturn.account == account.name
    return [
        _returns(db, "return", amount=SplitReturn.amount_fen, mine=got),
        _returns(db, "given_back", amount=-SplitReturn.amount_fen, mine=gave),
    ]


def _returns(db: Reading, business: str, *, amount: Any, mine: Any) -> Any:
    """Returns carry the channel's own number on the account, which only its split file joins to ours: any version of it, a number stays."""
    row, file = aliased(BillRow), aliased(BillFile)
    told = (
        select(row.cells["channel_no"].astext)
        .join(file, and_(file.tenant_id == row.tenant_id, file.id == row.bill_id))
        .where(
            row.tenant_id == db.tenant_id, file.tenant_id == db.tenant_id, file.kind == BillKind.SPLIT,
            row.occurrence == 1,
            row.key == literal("return:") + SplitReturn.return_no + ":" + SplitReturn.account,
        )
        .limit(1)
        .correlate(SplitReturn)
        .scalar_subquery()
    )  # fmt: skip
    return (
        select(
            (literal(f"{PREFIX}{business}:") + func.coalesce(told, SplitReturn.return_no)).label("key"),
            func.coalesce(SplitReturn.ended_at, SplitReturn.created_at).label("at"), amount.label("amount_fen"),
            (SplitReturn.state == ReturnStatus.DONE).label("certain"), literal(value=False).label("unsure"), Split.order_id,
        )
        .join(Split, and_(Split.tenant_id == SplitReturn.tenant_id, Split.id == SplitReturn.split_id))
        .where(SplitReturn.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id, mine)
    )  # fmt: skip
