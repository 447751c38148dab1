"""What stands in a statement's file: headings, the cells of a line, and the guard against cells that a spreadsheet would run."""

from settlement.commands import month_text
from settlement.states import Cause, PartyKind
from settlement.views import StatementLine, StatementView
from tenants.kernel.money import yuan_text

HEADINGS = (
    "日期", "类型", "订单号", "行号", "商品编码", "门店", "基数(元)", "费率", "分账金额(元)", "合同", "合同版本", "条款编号", "单据号",
)  # fmt: skip
MONEY = frozenset({6, 8})
"""The places of the columns that hold yuan."""
WHOLE_NUMBERS = frozenset({3, 10})
CAUSES = {Cause.ORDER_PAID: "销售", Cause.ORDER_REFUNDED: "退款", Cause.LOOSE_REFUND: "无原单退款"}
RESIDUAL = "余额"
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")


def cells(line: StatementLine) -> tuple[str, ...]:
    """A line's cells as text; amounts are yuan with two decimals, rates per cent."""
    return (
        line.occurred_on.isoformat(), CAUSES[line.cause], told(line.order_no), str(line.line_no or ""),
        told(line.sku_code), told(line.store_code), yuan_text(line.base_fen),
        RESIDUAL if line.rate_bps is None else rate_text(line.rate_bps), yuan_text(line.portion_fen),
        told(line.contract_code), str(line.contract_version), str(line.terms_id), told(line.reference),
    )  # fmt: skip


def rate_text(bps: int) -> str:
    """Basis points as per cent."""
    return f"{bps // 100}.{bps % 100:02d}%"


def told(text: str | None) -> str:
    """Text that came from outside: a leading quote keeps a spreadsheet from taking it for a formula."""
    if not text:
        return ""
    return f"'{text}" if text.startswith(RUNS_IN_A_SPREADSHEET) else text


def summary(statement: StatementView, *, brand_name: str) -> list[tuple[str, str]]:
    """The totals, as the first sheet and the head of the CSV show them."""
    return [
        ("品牌", told(brand_name)),
        ("结算方", told(statement.party.name)),
        ("结算方编号", told(statement.party.code)),
        ("账期", month_text(statement.period_on)),
        ("期初余额(元)", yuan_text(statement.opening_fen)),
        ("本期应得(元)", yuan_text(statement.earned_fen)),
        ("本期冲回(元)", yuan_text(statement.reversed_fen)),
        ("本期分账支付(元)", yuan_text(statement.paid_fen)),
        ("期末余额(元)", yuan_text(statement.closing_fen)),
        ("明细行数", str(statement.lines)),
        ("内容校验", statement.content_sha256),
    ]


def file_name(statement: StatementView, ending: str) -> str:
    """The file's name: month and party, safe on every system."""
    party = statement.party.code.replace(":", "-")
    return f"{month_text(statement.period_on)}_{party}.{ending}"


def readable_file_name(statement: StatementView, ending: str) -> str:
    """The name that a person looks for in a folder: month, kind of party, its name, and the end of its id, for two may be called alike."""
    named = "".join(letter if letter.isalnum() else "-" for letter in statement.party.name)
    party = statement.party
    own = "" if party.kind in {PartyKind.BRAND, PartyKind.PLATFORM} else f"_{named}_{str(party.id)[-6:]}"
    return f"{month_text(statement.period_on)}_{party.kind}{own}.{ending}"
