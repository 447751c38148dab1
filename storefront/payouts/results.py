"""What bank and payroll send back for a batch: read whole, and every outcome noted in one transaction, or none."""

from datetime import datetime
from pathlib import Path

import msgspec

from settlement.errors import NumbersUnreadable
from settlement.payouts.commands import RecordOutcome
from settlement.payouts.errors import PayoutNotFound
from settlement.payouts.outcome import record_outcome
from settlement.payouts.queries import find_payout
from settlement.payouts.states import LineState
from settlement.payouts.views import PayoutView
from storefront.imports.reading import FileUnreadable, open_source
from tenants.kernel.ids import PayoutId
from tenants.kernel.scope import TenantScope

LINE, OUTCOME, REASON, REFERENCE = "付款编号", "结果", "原因", "银行流水号"
OUTCOMES = {
    "成功": LineState.PAID, "已付": LineState.PAID, "paid": LineState.PAID,
    "失败": LineState.FAILED, "failed": LineState.FAILED,
    "退票": LineState.RETURNED, "returned": LineState.RETURNED,
}  # fmt: skip


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a result file."""

    line_no: str
    outcome: RecordOutcome


async def take_results(
    tenant: TenantScope, path: Path, *, payout_id: PayoutId, actor: str, now: datetime, keep: bool = True
) -> PayoutView:
    """Note every outcome of a file, all of them or none; a number of another batch is refused. Without `keep` it is only tried."""
    results = read_results(path)
    async with tenant.writing_much() as db:
        payout = await find_payout(db, payout_id)
        numbers = {line.line_no: line.number for line in payout.lines}
        for result in results:
            if result.line_no not in numbers:
                raise PayoutNotFound(details={result.line_no: f"is not in {payout.payout_no}"})
            payout = await record_outcome(
                db, result.outcome, payout_id=payout_id, number=numbers[result.line_no], recorded_by=actor, now=now
            )  # fmt: skip
        if not keep:
            await db.rollback()
    return payout


def read_results(path: Path) -> list[Result]:
    """Read a result file: our payment number, the outcome, and for a failure its reason. All of it, or nothing."""
    try:
        source = open_source(path)
    except FileUnreadable as error:
        raise NumbersUnreadable(details={"file": str(error)}) from error
    if missing := {LINE, OUTCOME} - set(source.headers):
        raise NumbersUnreadable(details=dict.fromkeys(sorted(missing), "there is no such column (缺少列)"))
    found, wrong = [], {}
    for row in source.rows():
        cells = {name: cell.strip() for name, cell in row.cells.items()}
        if not cells[LINE] or cells[LINE].endswith("笔"):
            continue
        outcome = OUTCOMES.get(cells[OUTCOME].lower())
        if outcome is None:
            wrong[f"row {row.number}"] = f"{OUTCOME}: {cells[OUTCOME]!r}, expected 成功, 失败 or 退票"
            continue
        command = RecordOutcome(
            outcome=outcome, trouble=cells.get(REASON) or None, bank_reference=cells.get(REFERENCE) or None
        )
        found.append(Result(line_no=cells[LINE], outcome=command))
    if wrong:
        raise NumbersUnreadable(details=wrong)
    return found
