"""A merchant's days as rows of our books and as the bill its channel would write of them, for tests that change either side."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import text

from guides.states import AttributionRule, Scene
from settlement.reconciliation.accounts import Account
from settlement.reconciliation.billed import of_bill
from settlement.reconciliation.bills import BEIJING
from settlement.reconciliation.compare_day import Found, compare_day
from settlement.reconciliation.states import BillKind
from settlement.reconciliation.take_in import FROM_CHANNEL, KeptBill, keep_bill
from storefront.adapters.wechat_pay.bill_rows import trade_bill
from storefront.simulators.wechat_pay.bill_rows import COLUMNS
from tenants.kernel.ids import MerchantId, StoreId, new_id
from tenants.kernel.scope import TenantScope, Writing
from tenants.queries import merchants
from tests.support.books import add_store

FIRST = date(2026, 10, 8)
NOW = datetime(2026, 11, 1, 3, tzinfo=BEIJING)
FEE_BPS = 60
HEADER = COLUMNS["ALL"].split(",")
SUMMED = {
    "应结订单总金额": ("应结订单金额", 2), "退款总金额": ("退款金额", 2), "充值券退款总金额": ("充值券退款金额", 2),
    "手续费总金额": ("手续费", 5), "订单总金额": ("订单金额", 2), "申请退款总金额": ("申请退款金额", 2),
}  # fmt: skip
ORDERS = (
    "INSERT INTO app.orders (tenant_id, id, order_no, source, source_name, state, scene, store_id, attribution_rule, attribution,"
    " merchant_id, profit_sharing, business_on, goods_fen, freight_fen, other_fen, discount_fen, total_fen, paid_fen, refunded_fen,"
    " split_fen, placed_at, paid_at)"
    " SELECT CAST(:t AS uuid), made.id, made.no, 'storefront', 'storefront', 'paid', :scene, CAST(:store AS uuid), :rule, CAST('{}' AS jsonb),"
    " CAST(:merchant AS uuid), false, CAST(:day AS date), made.fen, 0, 0, 0, made.fen, made.fen, 0, 0, made.at, made.at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:nos AS text[]), CAST(:fens AS bigint[]), CAST(:ats AS timestamptz[])) AS made(id, no, fen, at)"
)
PAYMENTS = (
    "INSERT INTO app.payments (tenant_id, id, order_id, merchant_id, payment_no, state, amount_fen, transaction_id, payer_total_fen,"
    " created_at, expires_at, paid_at)"
    " SELECT CAST(:t AS uuid), made.payment, made.id, CAST(:merchant AS uuid), made.no, 'paid', made.fen, '42' || made.no, made.fen,"
    " made.at, made.at, made.at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:payments AS uuid[]), CAST(:nos AS text[]), CAST(:fens AS bigint[]),"
    " CAST(:ats AS timestamptz[])) AS made(id, payment, no, fen, at)"
)
REFUNDS = (
    "INSERT INTO app.refunds (tenant_id, id, refund_no, source, source_name, order_id, payment_id, store_id, state, amount_fen,"
    " payer_refund_fen, vendor_refund_id, requested_by, business_on, requested_at, refunded_at)"
    " SELECT CAST(:t AS uuid), made.refund, made.no, 'storefront', 'storefront', made.id, made.payment, CAST(:store AS uuid), 'done', made.fen,"
    " made.fen, '50' || made.no, 'staff:test', CAST(:day AS date), made.at, made.at"
    " FROM unnest(CAST(:refunds AS uuid[]), CAST(:ids AS uuid[]), CAST(:payments AS uuid[]), CAST(:nos AS text[]),"
    " CAST(:fens AS bigint[]), CAST(:ats AS timestamptz[])) AS made(refund, id, payment, no, fen, at)"
)
Row = dict[str, str]


class Sold(msgspec.Struct, kw_only=True):
    """A payment of our books, with what was refunded of it on the same day (0: nothing)."""

    number: str
    fen: int
    at: datetime
    refund_fen: int = 0


async def account_of_tenant(db: Writing) -> Account:
    """The trade account of the tenant's one merchant."""
    (merchant,) = await merchants(db)
    return Account(
        kind=BillKind.TRADE, name=merchant.merchant_no, merchant_id=merchant.id, fee_bps=merchant.fee_bps
    )


async def write_books(
    db: Writing, sold: Sequence[Sold], *, day: date, merchant_id: MerchantId, store_id: StoreId | None = None
) -> None:
    """Write these payments and refunds as paid and done."""
    store = store_id or await add_store(db, f"S-{new_id()}")
    ids, payments = [new_id() for _ in sold], [new_id() for _ in sold]
    whole = {
        "t": db.tenant_id, "store": store, "merchant": merchant_id, "day": day, "ids": ids, "payments": payments,
        "nos": [each.number for each in sold], "fens": [each.fen for each in sold], "ats": [each.at for each in sold],
        "scene": next(iter(Scene)).value, "rule": next(iter(AttributionRule)).value,
    }  # fmt: skip
    await db.execute(text(ORDERS), {name: whole[name] for name in whole if name != "payments"})
    await db.execute(
        text(PAYMENTS),
        {name: whole[name] for name in ("t", "merchant", "ids", "payments", "nos", "fens", "ats")},
    )
    back = [
        (each, order, payment)
        for each, order, payment in zip(sold, ids, payments, strict=True)
        if each.refund_fen
    ]
    refunds = {
        "t": db.tenant_id, "store": store, "day": day, "refunds": [new_id() for _ in back],
        "ids": [order for _, order, _ in back], "payments": [payment for _, _, payment in back],
        "nos": [f"R{each.number}" for each, _, _ in back], "fens": [each.refund_fen for each, _, _ in back],
        "ats": [each.at for each, _, _ in back],
    }  # fmt: skip
    await db.execute(text(REFUNDS), refunds)


def a_day(
    day: date, count: int, *, fens: Sequence[int], refunds: Sequence[int] = (), mark: str = ""
) -> list[Sold]:
    """So many sales of a day, spread over it; `refunds` name the places of those that are refunded by a third."""
    begins = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    back = set(refunds)
    return [
        Sold(
            number=f"P{mark}{day:%m%d}{place:07d}", fen=fens[place], at=begins + timedelta(seconds=place % 86_000),
            refund_fen=max(fens[place] // 3, 1) if place in back else 0,
        )
        for place in range(count)
    ]  # fmt: skip


def rows_of(sold: Sequence[Sold], merchant_no: str) -> list[Row]:
    """The rows that an honest bill has of them."""
    found = []
    for each in sold:
        found.append(_payment(each, merchant_no))
        if each.refund_fen:
            found.append(_refund(each, merchant_no))
    return found


def fee(fen: int) -> int:
    """The channel's fee, half up, worked out another way than the books do."""
    whole, part = divmod(fen * FEE_BPS, 10_000)
    return whole + (1 if part * 2 >= 10_000 else 0)


def yuan(fen: int, *, places: int = 2) -> str:
    """Fen as a bill writes them."""
    sign, whole = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}" + "0" * (places - 2)


def _payment(each: Sold, merchant_no: str) -> Row:
    return dict.fromkeys(HEADER, "") | {
        "交易时间": each.at.strftime("%Y-%m-%d %H:%M:%S"), "公众账号ID": "wx0", "商户号": merchant_no, "特约商户号": "0",
        "微信订单号": f"42{each.number}", "商户订单号": each.number, "用户标识": "o-1", "交易类型": "JSAPI", "交易状态": "SUCCESS",
        "货币种类": "CNY", "应结订单金额": yuan(each.fen), "代金券金额": "0.00", "微信退款单号": "0", "商户退款单号": "0",
        "退款金额": "0.00", "充值券退款金额": "0.00", "手续费": yuan(fee(each.fen), places=5), "费率": "0.60%",
        "订单金额": yuan(each.fen), "申请退款金额": "0.00",
    }  # fmt: skip


def _refund(each: Sold, merchant_no: str) -> Row:
    back = fee(each.fen) - fee(each.fen - each.refund_fen)
    return _payment(each, merchant_no) | {
        "交易状态": "REFUND", "应结订单金额": "0.00", "微信退款单号": f"50R{each.number}", "商户退款单号": f"R{each.number}",
        "退款金额": yuan(each.refund_fen), "退款类型": "ORIGINAL", "退款状态": "SUCCESS", "手续费": yuan(-back, places=5),
        "订单金额": "0.00", "申请退款金额": yuan(each.refund_fen),
    }  # fmt: skip


def summary_of(rows: Sequence[Row]) -> Row:
    """The sums that a bill tells of these rows."""

    def sum_of(column: str, places: int) -> str:
        units = sum(int(row[column].replace(".", "")) for row in rows)
        sign, rest = ("-", -units) if units < 0 else ("", units)
        return f"{sign}{rest // 10**places}.{rest % 10**places:0{places}d}"

    return {"总交易单数": str(len(rows))} | {name: sum_of(*of) for name, of in SUMMED.items()}


def file_of(rows: Sequence[Row], *, summary: Row | None = None) -> bytes:
    """The bytes of a bill."""
    told = summary or summary_of(rows)
    lines = [",".join(HEADER), *(",".join("`" + row[name] for name in HEADER) for row in rows)]
    lines += [",".join(told), ",".join("`" + each for each in told.values())]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


async def take_in(
    tenant: TenantScope,
    raw: bytes,
    *,
    day: date | None,
    account: Account,
    origin: str = FROM_CHANNEL,
    now: datetime = NOW,
) -> tuple[KeptBill, Found]:
    """Keep a bill and compare its day."""
    bill = of_bill(trade_bill(raw), kind=BillKind.TRADE, merchant_no=account.name, day=day, origin=origin)
    async with tenant.writing_much() as db:
        kept = await keep_bill(db, bill, account=account, by="staff:test", now=now)
        found = await compare_day(db, account, day=bill.day, now=now)
    assert found is not None
    return kept, found
