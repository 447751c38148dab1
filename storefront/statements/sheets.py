"""The small sheets of a statement (all but its lines), as rows of cells: the workbook writes them and the printed page shows them."""

from collections.abc import Sequence

import msgspec

from settlement.commands import month_text
from settlement.sheets.tax import TaxTotal
from settlement.views import StatementView
from storefront.statements.capital import capital_yuan
from storefront.statements.columns import CAUSES, INVOICES, moment_text, rate_text
from storefront.statements.content import Content, Tally
from tenants.kernel.money import Fen


class Yuan(msgspec.Struct, frozen=True):
    """A cell that holds money."""

    fen: Fen


Cell = str | int | Yuan
Row = tuple[Cell, ...]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet: its name, its headings with their English and widths, its rows, and how many of the last ones are totals."""

    zh: str
    en: str
    headings: Sequence[tuple[str, str, int]]
    rows: Sequence[Row]
    totals: int = 0


def balance_rows(statement: StatementView) -> list[tuple[str, str, str, Fen]]:
    """The balance, step by step: Chinese, English, sign, amount."""
    return [
        ("期初余额", "Opening", "", statement.opening_fen),
        ("本期应得", "Earned", "+", statement.earned_fen),
        ("本期冲回", "Reversed", "−", statement.reversed_fen),
        ("本期调整", "Adjusted", "+", statement.adjusted_fen),
        ("对方自收", "Collected", "−", statement.collected_fen),
        ("本期已付", "Paid", "−", statement.paid_fen),
        ("期末余额", "Closing", "=", statement.closing_fen),
    ]


def standing_words(statement: StatementView) -> tuple[str, str]:
    """What the closing balance means, for both sides."""
    if statement.closing_fen < 0:
        return "期末为负：结算方欠款，结转下期冲抵", "The party owes; carried forward to its next statement"
    if statement.closing_fen > 0:
        return "期末应付结算方", "Payable to the party"
    return "期末已结清", "Nothing is owed"


def head_rows(content: Content) -> list[tuple[str, str, str]]:
    """Who, when, which version: Chinese, English, value."""
    statement, names = content.statement, content.names
    rows = [
        ("品牌", "Brand", names.brand),
        ("结算方", "Party", names.party),
        ("结算方编号", "Party code", statement.party.code),
        ("账期", "Period", month_text(statement.period_on)),
        ("结算单号", "Statement", str(statement.id)),
        ("版本", "Version", str(statement.version)),
        ("关账时间", "Closed at", moment_text(statement.closed_at, time_zone=names.time_zone)),
    ]
    if statement.restated_for:
        rows.append(("重开原因", "Restated because", statement.restated_for))
    return rows


def summary_sheet(content: Content, tally: Tally) -> Sheet:
    """汇总: head, balance, proof."""
    statement = content.statement
    rows: list[Row] = [(zh, en, "", value) for zh, en, value in head_rows(content)]
    rows += [
        (f"{zh}(元)", f"{en} ({sign})" if sign else en, Yuan(fen), "")
        for zh, en, sign, fen in balance_rows(statement)
    ]
    rows.append(("期末余额大写", "In words", "", capital_yuan(statement.closing_fen)))
    rows.append((*standing_words(statement), "", ""))
    rows.append(("明细行数", "Lines", statement.lines, ""))
    rows.append(("调整笔数", "Adjustments", statement.adjustments, ""))
    rows.append(("内容校验", "SHA-256", "", statement.content_sha256))
    for check in tally.checks():
        rows.append((f"勾稽：{check.zh}", check.en, "", "一致 agrees" if check.agrees else "不一致 DIFFERS"))
    headings = (
        ("项目", "Item", 32),
        ("英文", "English", 36),
        ("金额(元)", "Amount", 18),
        ("内容", "Value", 66),
    )
    return Sheet(zh="汇总", en="Summary", headings=headings, rows=rows)


def adjustments_sheet(content: Content) -> Sheet:
    """调整: every adjustment, and under it each step of its evidence."""
    rows: list[Row] = []
    for line in content.adjustments:
        zh, en = CAUSES[line.cause]
        version = line.contract_version or ""
        rows.append(
            (
                line.occurred_on.isoformat(), f"{zh} {en}", Yuan(line.amount_fen), line.contract_code or "", version,
                line.store_code or "", line.entries, line.reference,
            )
        )  # fmt: skip
        rows += [("", f"　· {step.zh} {step.en}", "", "", "", "", "", step.value) for step in line.steps]
    total = Fen(sum(line.amount_fen for line in content.adjustments))
    rows.append(
        ("", "合计 Total", Yuan(total), "", "", "", sum(line.entries for line in content.adjustments), "")
    )
    headings = (
        ("日期", "Date", 11), ("调整项目 / 步骤", "Adjustment / step", 34), ("金额(元)", "Amount", 14),
        ("合同", "Contract", 16), ("版本", "Version", 8), ("门店", "Store", 12), ("笔数", "Entries", 8),
        ("依据", "Evidence", 60),
    )  # fmt: skip
    return Sheet(zh="调整", en="Adjustments", headings=headings, rows=rows, totals=1)


def tax_sheet(tally: Tally) -> Sheet:
    """税务: the tax of every line added up by contract, with what rounding line by line gives beyond the tax of the sum."""
    codes = tally.contracts
    taxes = tally.taxes()
    rows = [_tax_row(each, codes.get(each.contract_id, "")) for each in taxes]
    rows.append(
        (
            "合计 Total", "", "", sum(each.lines for each in taxes), *_sums(taxes), "",
        )
    )  # fmt: skip
    headings = (
        ("合同", "Contract", 20), ("开票方向", "Invoice", 22), ("税率", "Tax rate", 9), ("行数", "Lines", 9),
        ("含税金额(元)", "Gross", 15), ("不含税(元)", "Net", 15), ("税额(元)", "Tax", 14),
        ("尾差(元)", "Rounding", 11), ("发票号码", "Invoice no.", 24),
    )  # fmt: skip
    return Sheet(zh="税务", en="Tax", headings=headings, rows=rows, totals=1)


def _tax_row(each: TaxTotal, code: str) -> Row:
    zh, en = INVOICES[each.terms.invoice]
    return (
        code, f"{zh} {en}", rate_text(each.terms.rate_bps), each.lines, Yuan(each.gross_fen), Yuan(each.net_fen),
        Yuan(each.tax_fen), Yuan(each.rounding_fen), "",
    )  # fmt: skip


def _sums(taxes: list[TaxTotal]) -> tuple[Yuan, Yuan, Yuan, Yuan]:
    return (
        Yuan(Fen(sum(each.gross_fen for each in taxes))),
        Yuan(Fen(sum(each.net_fen for each in taxes))),
        Yuan(Fen(sum(each.tax_fen for each in taxes))),
        Yuan(Fen(sum(each.rounding_fen for each in taxes))),
    )


def carried_sheet(content: Content) -> Sheet:
    """结转: from opening to closing, with how the party was paid, and what goes on into the next period."""
    statement = content.statement
    rows: list[Row] = [
        (f"{zh} {en}", "", sign, Yuan(fen)) for zh, en, sign, fen in balance_rows(statement)[:-1]
    ]
    for line in content.payments:
        zh, en = CAUSES[line.cause]
        rows.append(
            (f"　· {zh} {en} ({line.entries})", line.occurred_on.isoformat(), "", Yuan(line.amount_fen))
        )
    zh, en = standing_words(statement)
    rows.append((f"结转下期 Carried forward: {zh} {en}", "", "=", Yuan(statement.closing_fen)))
    headings = (("项目", "Item", 64), ("日期", "Date", 12), ("", "", 5), ("金额(元)", "Amount", 16))
    return Sheet(zh="结转", en="Carried forward", headings=headings, rows=rows, totals=1)
