"""What bank and payroll send back for a batch: read whole, and every outcome noted in one transaction, or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from settlement.errors import NumbersUnreadable
from settlement.payouts.commands import RecordOutcome
from settlement.payouts.errors import PayoutNotFound
from settlement.payouts.outcome import record_outcome
from settlement.payouts.queries import find_payout
from settlement.payouts.states import LineState
from settlement.payouts.views import PayoutLineView, PayoutView
from storefront.imports.reading import FileUnreadable, open_source
from tenants.kernel.ids import PayoutId
from tenants.kernel.money import Fen, NotMoney, fen_from_text, yuan_text
from tenants.kernel.scope import TenantScope

LINE, OUTCOME, REASON, REFERENCE = "付款编号", "结果", "原因", "银行流水号"
AMOUNTS = ("金额(元)", "金额（元）", "金额")
"""What the amount's column is called, where the file has one."""
OUTCOMES = {
    "成功": LineState.PAID, "已付": LineState.PAID, "paid": LineState.PAID,
    "失败": LineState.FAILED, "failed": LineState.FAILED,
    "退票": LineState.RETURNED, "returned": LineState.RETURNED,
}  # fmt: skip


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a result file."""

    row_no: int
    line_no: str
    outcome: RecordOutcome
    amount_fen: Fen | None = None
    """What bank or payroll says it moved, where the file says so."""


async def take_results(
    tenant: TenantScope, path: Path, *, payout_id: PayoutId, actor: str, now: datetime, keep: bool = True
) -> PayoutView:
    """Note every outcome of a file, all of them or none; a number of another batch is refused. Without `keep` it is only tried."""
    results = read_results(path)
    async with tenant.writing_much() as db:
        payout = await find_payout(db, payout_id)
        lines = {line.line_no: line for line in payout.lines}
        _refuse_other_amounts(results, lines)
        for result in results:
            if result.line_no not in lines:
                raise PayoutNotFound(details={result.line_no: f"is not in {payout.payout_no}"})
            payout = await record_outcome(
                db, result.outcome, payout_id=payout_id, number=lines[result.line_no].number, recorded_by=actor, now=now
            )  # fmt: skip
        if not keep:
            await db.rollback()
    return payout


def _refuse_other_amounts(results: Sequence[Result], lines: Mapping[str, PayoutLineView]) -> None:
    """Refuse a file that tells other amounts than were sent: booked as ours, the difference would be in nobody's books."""
    wrong = {
        f"row {each.row_no}": f"{each.line_no}: {yuan_text(each.amount_fen)}, and {yuan_text(lines[each.line_no].amount_fen)} was sent"
        for each in results
        if each.amount_fen is not None and each.line_no in lines and each.amount_fen != lines[each.line_no].amount_fen
    }  # fmt: skip
    if wrong:
        raise NumbersUnreadable(details=wrong)


def read_results(path: Path) -> list[Result]:
    """Read a result file: our payment number, the outcome, and for a failure its reason. All of it, or nothing."""
    try:
        source = open_source(path)
    except FileUnreadable as error:
        raise NumbersUnreadable(details={"file": str(error)}) from error
    if missing := {LINE, OUTCOME} - set(source.headers):
        raise NumbersUnreadable(details=dict.fromkeys(sorted(missing), "there is no such column (缺少列)"))
    money = next((name for name in AMOUNTS if name in source.headers), None)
    found, wrong = [], {}
    for row in source.rows():
        cells = {name: cell.strip() for name, cell in row.cells.items()}
        if not cells[LINE] or cells[LINE].endswith("笔"):
            continue
        outcome = OUTCOMES.get(cells[OUTCOME].lower())
        if outcome is None:
            wrong[f"row {row.number}"] = f"{OUTCOME}: {cells[OUTCOME]!r}, expected 成功, 失败 or 退票"
            continue
        try:
            amount = fen_from_text(cells[money]) if money and cells[money] else None
        except NotMoney as error:
            wrong[f"row {row.number}"] = f"{money}: {error}"
            continue
        command = RecordOutcome(
            outcome=outcome, trouble=cells.get(REASON) or None, bank_reference=cells.get(REFERENCE) or None
        )
        found.append(Result(row_no=row.number, line_no=cells[LINE], outcome=command, amount_fen=amount))
    if wrong:
        raise NumbersUnreadable(details=wrong)
    return found
