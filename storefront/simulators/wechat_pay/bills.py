"""Bills as files: when they exist, their summary row, planned untruths, digest, and the address under which they can be fetched.

The digest is of the plain file, whatever the compression, and it is taken after the untruths: a reconciliation has to find them in the
rows. Only the change `hash` makes the digest itself wrong.
"""

import gzip
import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from storefront.simulators.records import BillChange, BillFile, Merchant
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import bill_rows
from storefront.simulators.wechat_pay.bill_rows import COLUMNS, Row, Rows, yuan
from storefront.simulators.wechat_pay.refusals import BEIJING, GatewayRefusal

READY_HOUR = 10
OLDEST = timedelta(days=92)
TRADE_SECONDS, SPLIT_SECONDS = 300, 30
WITHOUT_ROWS = frozenset({"total", "hash"})
TRADE_KINDS = ("ALL", "SUCCESS", "REFUND")


class Asked(msgspec.Struct, kw_only=True):
    """Which bill."""

    kind: str
    bill_date: str
    gzipped: bool
    sub_mchid: str | None
    base_url: str


def bill(simulation: Simulation, merchant: Merchant, *, asked: Asked) -> dict[str, object]:
    """Make a bill and say where it is."""
    day = _ready_day(simulation, asked.bill_date)
    if asked.kind == "FUND":
        rows = bill_rows.fund_rows(simulation, merchant, day=day)
    elif asked.kind == "SPLIT":
        rows = bill_rows.split_rows(simulation, merchant, day=day, sub_mchid=asked.sub_mchid)
    else:
        rows = bill_rows.trade_rows(simulation, merchant, day=day, kind=asked.kind, sub_mchid=asked.sub_mchid)
    columns = COLUMNS[asked.kind].split(",")
    summary = _SUMMARIES[asked.kind](rows)
    changes = [
        each
        for each in simulation.state.bill_changes
        if (each.mchid, each.bill, each.bill_date) == (merchant.mchid, asked.kind, asked.bill_date)
    ]
    for change in changes:
        rows = _changed(rows, change, columns=columns)
        if not change.keep_summary and change.change not in WITHOUT_ROWS:
            summary = _SUMMARIES[asked.kind](rows)
    if not rows:
        raise GatewayRefusal(400, "NO_STATEMENT_EXIST", message="账单文件不存在")
    for change in changes:
        if change.change == "total":
            summary[change.column] = change.value
    plain = _written(columns, rows, summary=summary)
    token, lives = simulation.draw("bill")[:40], SPLIT_SECONDS if asked.kind == "SPLIT" else TRADE_SECONDS
    simulation.state.bill_files[token] = BillFile(
        mchid=merchant.mchid,
        content=gzip.compress(plain, mtime=0) if asked.gzipped else plain,
        expires_at=simulation.clock.now() + timedelta(seconds=lives),
    )
    digest = hashlib.sha1(plain, usedforsecurity=False).hexdigest()
    if any(each.change == "hash" for each in changes):
        digest = digest[::-1]
    url = f"{asked.base_url}/v3/billdownload/file?token={token}"
    return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}


def _ready_day(simulation: Simulation, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise GatewayRefusal(400, "PARAM_ERROR", message="账单日期格式错误") from None
    now = simulation.clock.now().astimezone(BEIJING)
    if day >= now.date():
        raise GatewayRefusal(400, "INVALID_REQUEST", message="账单日期不合法，请在次日10点后获取")
    if now.date() - day > OLDEST:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="账单日期已过期，仅支持三个月内的账单")
    ready = datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING) + timedelta(
        hours=READY_HOUR
    )
    if now < ready:
        raise GatewayRefusal(400, "STATEMENT_CREATING", message="账单生成中，请在次日10点后获取")
    return day


def _changed(rows: Rows, change: BillChange, *, columns: list[str]) -> Rows:
    if change.change in WITHOUT_ROWS or (change.change != "add" and change.row >= len(rows)):
        return rows
    before, after = rows[: change.row], rows[change.row + 1 :]
    if change.change == "drop":
        return before + after
    if change.change == "add":
        invented = dict.fromkeys(columns, "") | (rows[0] if rows else {}) | {change.column: change.value}
        return [*rows, invented]
    row = rows[change.row]
    if change.change == "alter":
        return [*before, row | {change.column: change.value}, *after]
    return [*before, row, row, *after]


def _written(columns: list[str], rows: Rows, *, summary: Row) -> bytes:
    lines = [",".join(columns), *(_line(row.get(name, "") for name in columns) for row in rows)]
    lines += [",".join(summary), _line(summary.values())]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def _line(values: object) -> str:
    # A comma inside a value would be read as two: WeChat's own bills write none.
    return ",".join("`" + str(value).replace(",", "，") for value in values)  # type: ignore[attr-defined]


def _fen(text: str) -> int:
    whole, _, part = text.lstrip("-").partition(".")
    amount = int(whole or 0) * 100 + int((part + "00")[:2])
    return -amount if text.startswith("-") else amount


def _sum(rows: Rows, column: str) -> int:
    return sum(_fen(row[column]) for row in rows)


def _trade_summary(rows: Rows) -> Row:
    return {
        "总交易单数": str(len(rows)),
        "应结订单总金额": yuan(_sum(rows, "应结订单金额")),
        "退款总金额": yuan(_sum(rows, "退款金额")),
        "充值券退款总金额": yuan(_sum(rows, "充值券退款金额")),
        "手续费总金额": f"{sum((Decimal(row['手续费']) for row in rows), Decimal(0)):.5f}",
        "订单总金额": yuan(_sum(rows, "订单金额")),
        "申请退款总金额": yuan(_sum(rows, "申请退款金额")),
    }


def _fund_summary(rows: Rows) -> Row:
    came = [row for row in rows if row["收支类型"] == "收入"]
    went = [row for row in rows if row["收支类型"] == "支出"]
    return {
        "资金流水总笔数": str(len(rows)),
        "收入笔数": str(len(came)),
        "收入金额": yuan(_sum(came, "收支金额(元)")),
        "支出笔数": str(len(went)),
        "支出金额": yuan(_sum(went, "收支金额(元)")),
    }


def _split_summary(rows: Rows) -> Row:
    came = [row for row in rows if row["业务类型"] == "分账"]
    back = [row for row in rows if row["业务类型"] == "分账回退"]
    return {
        "分账总笔数": str(len(came)),
        "分账总金额": yuan(_sum(came, "分账金额(元)")),
        "回退总笔数": str(len(back)),
        "回退总金额": yuan(_sum(back, "分账金额(元)")),
    }


_SUMMARIES: dict[str, Callable[[Rows], Row]] = {
    "ALL": _trade_summary,
    "SUCCESS": _trade_summary,
    "REFUND": _trade_summary,
    "FUND": _fund_summary,
    "SPLIT": _split_summary,
}


def download(simulation: Simulation, merchant: Merchant, *, token: str) -> bytes:
    """Give the file while its address lives."""
    found = simulation.state.bill_files.get(token)
    if found is None or found.mchid != merchant.mchid:
        raise GatewayRefusal(400, "PARAM_ERROR", message="下载地址无效")
    if found.expires_at <= simulation.clock.now():
        raise GatewayRefusal(400, "INVALID_REQUEST", message="下载地址已过期，请重新申请账单")
    return found.content
