"""What stands in a statement's file: headings, the cells of a line, and the guard against cells that a spreadsheet would run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from settlement.agreements.agreed import Invoice
from settlement.commands import month_text
from settlement.sheets.tax import TaxTerms, taxed
from settlement.states import COLLECTION, Cause, PartyKind
from settlement.views import AdjustmentLine, PaymentLine, StatementLine, StatementView
from tenants.kernel.ids import ContractId
from tenants.kernel.money import Bps, Fen, yuan_text

COLUMNS = (
    ("日期", "Date", 11), ("类型", "Kind", 12), ("订单号", "Order", 22), ("行号", "Line", 6), ("商品编码", "SKU", 16),
    ("门店", "Store", 12), ("基数(元)", "Base", 13), ("费率", "Rate", 9), ("分账金额(元)", "Portion", 14),
    ("合同", "Contract", 16), ("合同版本", "Version", 9), ("条款编号", "Terms", 38), ("单据号", "Reference", 24),
    ("门店名称", "Store name", 18), ("不含税(元)", "Net", 13), ("税额(元)", "Tax", 12), ("税率", "Tax rate", 9),
    ("订单ID", "Order id", 38), ("订单行ID", "Order line id", 38), ("退款ID", "Refund id", 38), ("凭证ID", "Journal id", 38),
    ("实付(元)", "Paid", 13),
)  # fmt: skip
HEADINGS = tuple(zh for zh, _, _ in COLUMNS)
MONEY = frozenset({6, 8, 14, 15, 21})
"""The places of the columns that hold yuan. Columns are added at the end: whoever reads old files by place goes on."""
WHOLE_NUMBERS = frozenset({3, 10})
CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.ORDER_PAID: ("销售", "Sale"),
    Cause.ORDER_REFUNDED: ("退款", "Refund"),
    Cause.LOOSE_REFUND: ("无原单退款", "Refund without sale"),
    Cause.TRUE_UP: ("周期调整", "True-up"),
    Cause.ADJUSTED: ("手工调整", "Adjustment"),
    Cause.FUNDED: ("促销分摊", "Promotion cost"),
    Cause.FUNDING_REVERSED: ("促销分摊冲回", "Promotion cost reversed"),
    Cause.FEE_SHARED: ("手续费分摊", "Channel fee"),
    Cause.FEE_SHARE_RETURNED: ("手续费分摊退回", "Channel fee returned"),
    Cause.COUPONS_SHARED: ("优惠券分摊", "Coupons"),
    Cause.COUPONS_SHARE_RETURNED: ("优惠券分摊退回", "Coupons returned"),
    Cause.COLLECTED: ("自收货款", "Collected by party"),
    Cause.COLLECTION_RETURNED: ("自收货款退回", "Collection returned"),
    Cause.SPLIT_PAID: ("渠道分账", "Split by channel"),
    Cause.SPLIT_RETURNED: ("分账回退", "Split returned"),
    Cause.PAID_OUT: ("付款", "Payout"),
    Cause.PAYOUT_RETURNED: ("退票", "Payout returned"),
}
INVOICES = {
    Invoice.WE_ISSUE: ("我方开票", "We invoice"),
    Invoice.THEY_ISSUE: ("对方开票", "They invoice"),
    Invoice.NONE: ("不开票", "No invoice"),
}
NOT_INVOICED = frozenset({PartyKind.BRAND, PartyKind.GUIDE})
"""What stays with the brand is no supply, and what guides earn is wages."""
UNTAXED = TaxTerms(rate_bps=Bps(0), invoice=Invoice.NONE)
RESIDUAL = "余额"
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")
Taxes = Mapping[ContractId, TaxTerms]


def tax_of(statement: StatementView, contract_id: ContractId | None, *, taxes: Taxes) -> TaxTerms:
    """The tax terms of a line of this party."""
    if statement.party.kind in NOT_INVOICED or contract_id is None:
        return UNTAXED
    return taxes.get(contract_id, UNTAXED)


def cells(line: StatementLine, terms: TaxTerms) -> tuple[str, ...]:
    """A line's cells as text; amounts are yuan with two decimals, rates per cent."""
    part = taxed(line.portion_fen, terms.rate_bps)
    return (
        line.occurred_on.isoformat(), CAUSES[line.cause][0], told(line.order_no), str(line.line_no or ""),
        told(line.sku_code), told(line.store_code), yuan_text(line.base_fen),
        RESIDUAL if line.rate_bps is None else rate_text(line.rate_bps), yuan_text(line.portion_fen),
        told(line.contract_code), str(line.contract_version), str(line.terms_id), told(line.reference),
        told(line.store_name), yuan_text(part.net_fen), yuan_text(part.tax_fen), rate_text(terms.rate_bps),
        str(line.order_id or ""), str(line.order_line_id or ""), str(line.refund_id or ""), str(line.journal_id),
        yuan_text(line.paid_fen),
    )  # fmt: skip


def adjustment_cells(line: AdjustmentLine, terms: TaxTerms) -> tuple[str, ...]:
    """An adjustment in the columns of lines."""
    part = taxed(line.amount_fen, terms.rate_bps)
    told_as = (
        line.occurred_on.isoformat(), CAUSES[line.cause][0], "", "", "", told(line.store_code), "", "",
        yuan_text(line.amount_fen), told(line.contract_code), str(line.contract_version or ""), "",
        told(line.reference), "", yuan_text(part.net_fen), yuan_text(part.tax_fen), rate_text(terms.rate_bps),
    )  # fmt: skip
    return _whole(told_as)


def payment_cells(line: PaymentLine) -> tuple[str, ...]:
    """A payment in the columns of lines; what the party received lowers what it is owed."""
    amount = yuan_text(Fen(-line.amount_fen))
    return _whole((line.occurred_on.isoformat(), CAUSES[line.cause][0], *[""] * 6, amount))


def _whole(cells_told: tuple[str, ...]) -> tuple[str, ...]:
    """The cells, with empty ones for the columns after them."""
    return (*cells_told, *[""] * (len(COLUMNS) - len(cells_told)))


def is_collection(line: PaymentLine) -> bool:
    """Whether the party took it from shoppers itself."""
    return line.cause in COLLECTION


def rate_text(bps: int) -> str:
    """Basis points as per cent."""
    return f"{bps // 100}.{bps % 100:02d}%"


def moment_text(at: datetime, *, time_zone: str | None) -> str:
    """A moment on the clocks of a time zone, which is named beside it; without one in UTC."""
    zone = UTC if time_zone is None else ZoneInfo(time_zone)
    place = "UTC" if time_zone is None else f"({time_zone})"
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {place}"


def told(text: str | None) -> str:
    """Text that came from outside: a leading quote keeps a spreadsheet from taking it for a formula."""
    if not text:
        return ""
    return f"'{text}" if text.startswith(RUNS_IN_A_SPREADSHEET) else text


def file_name(statement: StatementView, ending: str) -> str:
    """The file's name: month, party and version, safe on every system."""
    party = statement.party.code.replace(":", "-")
    return f"{month_text(statement.period_on)}_{party}{_version(statement)}.{ending}"


def readable_file_name(statement: StatementView, ending: str) -> str:
    """The name that a person looks for in a folder: month, kind of party, its name, and the end of its id, for two may be called alike."""
    named = "".join(letter if letter.isalnum() else "-" for letter in statement.party.name)
    party = statement.party
    own = "" if party.kind in {PartyKind.BRAND, PartyKind.PLATFORM} else f"_{named}_{str(party.id)[-6:]}"
    return f"{month_text(statement.period_on)}_{party.kind}{own}{_version(statement)}.{ending}"


def _version(statement: StatementView) -> str:
    return f"_v{statement.version}" if statement.version > 1 else ""
