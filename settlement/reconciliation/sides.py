"""Both sides of a comparison as statements with the same columns: what our books say of an account, and what its files say.

Columns: `side`, `key`, `day`, `amount_fen`, `certain` (must be on the other side too), `said` (whatever else it tells), `ref`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)

from orders.channel_queries import (
    channel_payments_select,
    channel_refunds_select,
    imported_refunds_select,
    imported_sales_select,
)
from settlement.reconciliation.accounts import Account, beijing_day, mine, within
from settlement.reconciliation.billed import NOT_COMPARED
from settlement.reconciliation.fund_sides import expected_movements, fund_rows
from settlement.reconciliation.models import BillFile, BillRow
from settlement.reconciliation.states import BillKind, BillState
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.states import PartStatus, ReturnStatus
from tenants.kernel.scope import Reading

OURS, THEIRS = "ours", "theirs"
Statement = Select[*tuple[Any, ...]]
FACTS = ("kind", "state", "payer_fen", "vendor_no", "whole_fen", "before_fen", "has_coupons")


def both_sides(
    db: Reading,
    account: Account,
    *,
    first: date,
    last: date,
    keys: Sequence[str] | None = None,
    own_listed: bool = False,
) -> Any:
    """Both sides of some days (of some keys alone, if given), in the order of keys."""
    told = (
        fund_rows(db, account, first=first, last=last, keys=keys, own_listed=own_listed)
        if account.kind is BillKind.FUND
        else theirs(db, account, first=first, last=last, keys=keys)
    )
    parts = [*_ours(db, account, first=first, last=last, keys=keys), told]
    both = union_all(*parts).subquery()
    # The byte order of keys is the same wherever the database was made; its own order of letters need not be.
    return select(both).order_by(both.c.key.collate("C"), both.c.side, both.c.place)


def theirs(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None = None
) -> Statement:
    """The rows of the current files of some days; a till's rows are lines, and those of one document are one."""
    statement = (
        select(
            literal(THEIRS).label("side"), BillRow.key.label("key"), BillFile.day.label("day"),
            BillRow.amount_fen.label("amount_fen"), true().label("certain"),
            func.jsonb_build_object(
                "kind", BillRow.kind, "fee", BillRow.fee_millifen, "amounts", BillRow.amounts, "words", BillRow.words,
                *(("cells", BillRow.cells) if account.kind is BillKind.CASHIER else ()),
            ).label("said"),
            cast(BillFile.id, Text).label("ref"), BillRow.line.label("place"),
        )
        .join(BillFile, and_(BillFile.tenant_id == BillRow.tenant_id, BillFile.id == BillRow.bill_id))
        .where(
            BillRow.tenant_id == db.tenant_id, mine(BillFile, db=db, account=account), BillFile.state == BillState.CURRENT,
            BillFile.day.between(first, last), BillRow.kind.not_in(NOT_COMPARED),
        )
    )  # fmt: skip
    if keys is not None:
        statement = statement.where(BillRow.key.in_(keys))
    return _documents(statement.subquery()) if account.kind is BillKind.TILL else statement


def _documents(lines: Any) -> Statement:
    """Lines added up to documents: a document has no fee and no words of its own."""
    nothing = func.jsonb_build_object()
    said = func.jsonb_build_object("kind", null(), "fee", null(), "amounts", nothing, "words", nothing)
    return select(
        func.min(lines.c.side).label("side"), lines.c.key, lines.c.day,
        cast(func.sum(lines.c.amount_fen), BigInteger).label("amount_fen"), true().label("certain"),
        said.label("said"), func.min(lines.c.ref).label("ref"), func.min(lines.c.place).label("place"),
    ).group_by(lines.c.key, lines.c.day)  # fmt: skip


def _ours(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None
) -> list[Statement]:
    if account.kind is BillKind.TRADE:
        return [
            _channel(each(db.tenant_id).subquery(), account, first=first, last=last, keys=keys)
            for each in (channel_payments_select, channel_refunds_select)
        ]
    if account.kind is BillKind.SPLIT:
        return [each(db, account, first=first, last=last, keys=keys) for each in (_parts, _returns)]
    if account.kind is BillKind.FUND:
        return expected_movements(db, account, first=first, last=last, keys=keys)
    found = [each(db.tenant_id, account.name) for each in (imported_sales_select, imported_refunds_select)]
    return [_imported(each.subquery(), first=first, last=last, keys=keys) for each in found]


def _channel(of: Any, account: Account, *, first: date, last: date, keys: Sequence[str] | None) -> Statement:
    facts = [part for name in FACTS for part in (literal(name), of.c[name])]
    statement = select(
        literal(OURS).label("side"), (of.c.kind + ":" + of.c.number).label("key"), beijing_day(of.c.at).label("day"),
        func.coalesce(of.c.asked_fen, of.c.amount_fen).label("amount_fen"), of.c.certain, func.jsonb_build_object(*facts).label("said"),
        cast(of.c.order_id, Text).label("ref"), literal(0).label("place"),
    ).where(of.c.merchant_id == account.merchant_id)  # fmt: skip
    if keys is None:
        return statement.where(of.c.certain, *within(of.c.happened_at, first=first, last=last))
    statement = statement.where(*within(of.c.at, first=first, last=last))
    numbers = [
        number for kind, number in (key.split(":", 1) for key in keys) if kind in {"payment", "refund"}
    ]
    return statement.where(of.c.number.in_(numbers), (of.c.kind + ":" + of.c.number).in_(keys))


def _parts(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None
) -> Statement:
    at = func.coalesce(SplitPartRow.ended_at, Split.created_at)
    key = literal("split:") + Split.split_no + ":" + SplitPartRow.account
    certain = SplitPartRow.state == PartStatus.DONE
    statement = (
        select(
            literal(OURS).label("side"), key.label("key"), beijing_day(at).label("day"),
            SplitPartRow.amount_fen.label("amount_fen"), certain.label("certain"),
            func.jsonb_build_object("kind", "split", "state", SplitPartRow.state).label("said"),
            cast(Split.order_id, Text).label("ref"), literal(0).label("place"),
        )
        .join(Split, and_(Split.tenant_id == SplitPartRow.tenant_id, Split.id == SplitPartRow.split_id))
        .where(
            SplitPartRow.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id,
            Split.merchant_id == account.merchant_id, Split.split_no.is_not(None), *within(at, first=first, last=last),
        )
    )  # fmt: skip
    if keys is None:
        return statement.where(certain)
    return statement.where(Split.split_no.in_(_numbers(keys, "split")), key.in_(keys))


def _returns(
    db: Reading, account: Account, *, first: date, last: date, keys: Sequence[str] | None
) -> Statement:
    at = func.coalesce(SplitReturn.ended_at, SplitReturn.created_at)
    key = literal("return:") + SplitReturn.return_no + ":" + SplitReturn.account
    certain = SplitReturn.state == ReturnStatus.DONE
    statement = (
        select(
            literal(OURS).label("side"), key.label("key"), beijing_day(at).label("day"),
            SplitReturn.amount_fen.label("amount_fen"), certain.label("certain"),
            func.jsonb_build_object("kind", "return", "state", SplitReturn.state).label("said"),
            cast(Split.order_id, Text).label("ref"), literal(0).label("place"),
        )
        .join(Split, and_(Split.tenant_id == SplitReturn.tenant_id, Split.id == SplitReturn.split_id))
        .where(
            SplitReturn.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id,
            Split.merchant_id == account.merchant_id, *within(at, first=first, last=last),
        )
    )  # fmt: skip
    if keys is None:
        return statement.where(certain)
    return statement.where(SplitReturn.return_no.in_(_numbers(keys, "return")), key.in_(keys))


def _imported(of: Any, *, first: date, last: date, keys: Sequence[str] | None) -> Statement:
    key = of.c.kind + ":" + of.c.number
    statement = select(
        literal(OURS).label("side"), key.label("key"), of.c.day, of.c.amount_fen, true().label("certain"),
        func.jsonb_build_object("kind", of.c.kind).label("said"), cast(of.c.order_id, Text).label("ref"),
        literal(0).label("place"),
    ).where(of.c.day.between(first, last))  # fmt: skip
    if keys is None:
        return statement
    return statement.where(of.c.number.in_([key.split(":", 1)[1] for key in keys]), key.in_(keys))


def _numbers(keys: Sequence[str], kind: str) -> list[str]:
    return [key.split(":")[1] for key in keys if key.startswith(f"{kind}:")]
