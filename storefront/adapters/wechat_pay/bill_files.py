"""WeChat Pay's bills as a person downloads them: told apart by their headers, packed or plain, in UTF-8 or GB18030.

No digest comes with such a file. A trade, fund or split bill ends with its sums, so one without them was cut off; whether the sums are
those of the rows is looked at by whoever takes it in.
"""

from collections.abc import Callable
from typing import Any

from settlement.reconciliation.bills import Bill
from settlement.reconciliation.states import BillKind
from storefront.adapters.errors import BillColumnUnknown, BillUnreadable
from storefront.adapters.wechat_pay import bill_rows
from storefront.adapters.wechat_pay.bills import plain_of

BEGINS: dict[str, tuple[BillKind, Callable[[bytes], Bill[Any, Any]]]] = {
    "交易时间": (BillKind.TRADE, bill_rows.trade_bill),
    "记账时间": (BillKind.FUND, bill_rows.fund_bill),
    "分账时间": (BillKind.SPLIT, bill_rows.split_bill),
}
"""The column that each kind's header begins with."""
LONGEST_HEADER = 4_096


def read_bill_file(raw: bytes) -> tuple[BillKind, Bill[Any, Any]]:
    """Read a downloaded bill of any kind; raises BillUnreadable or BillColumnUnknown."""
    plain = _in_utf8(plain_of(raw))
    header = plain[:LONGEST_HEADER].decode("utf-8-sig", errors="ignore").splitlines()
    first = header[0].split(",")[0].strip().removeprefix(bill_rows.TICK) if header else ""
    if first not in BEGINS:
        raise BillColumnUnknown(unknown=[first[:40]], missing=sorted(BEGINS))
    kind, read = BEGINS[first]
    bill = read(plain)
    if bill.told is None:
        raise BillUnreadable(reason="cut off: the sums at the end of the file are missing")
    return kind, bill


def _in_utf8(plain: bytes) -> bytes:
    try:
        plain.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return plain.decode("gb18030").encode()
        except UnicodeDecodeError as error:
            raise BillUnreadable(reason="neither UTF-8 nor GB18030") from error
    return plain
