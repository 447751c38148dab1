"""Takes the other side's numbers in and holds them against the statement's lines: what agrees is counted, what differs is written down.

Both sides are brought to the level of the file: order lines, orders or days. What was sold and partly refunded in the month is one figure
on both sides; what one side merely lists twice stays twice, so that it is found. Reading files is the roof's.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from settlement.disputes.commands import TheirNumbers
from settlement.disputes.models import Dispute, DisputeDifference
from settlement.disputes.queries import find_dispute
from settlement.disputes.states import AnswerState, Compared, DisputeState, RowLevel
from settlement.disputes.views import DisputeView
from settlement.errors import DifferenceAnswered, DisputeStandsOtherwise
from settlement.queries import find_statement
from settlement.reconciliation.matching import Item, MatchClass, compare
from settlement.sheets.lines import statement_days, statement_lines
from settlement.sheets.names import names_of
from settlement.views import StatementLine
from tenants.audit import record_deed
from tenants.kernel.ids import ContractId, DisputeId, MallId, StatementId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

ANY_DAY_OF_THE_MONTH = 400
"""An order belongs to its number; on which day either side books it is no difference of money. Days are their own keys."""
Places = dict[str, tuple[ContractId, StoreId | None]]


async def import_numbers(
    db: Writing,
    numbers: TheirNumbers,
    *,
    dispute_id: DisputeId,
    imported_by: str,
    now: datetime,
    mall_id: MallId | None = None,
) -> DisputeView:
    """Match their numbers with the statement's lines. May be repeated with a better file until a difference is answered."""
    dispute = await find_dispute(db, dispute_id, mall_id=mall_id)
    await _hold(db, dispute_id)
    ours, places = await _our_items(db, dispute.statement_id, numbers=numbers)
    theirs = [
        Item(key=row.about, on=row.on, amount_fen=row.amount_fen, ref=str(row.row_no)) for row in numbers.rows
    ]
    found = list(
        compare(
            _netted(ours, whole=numbers.level is not RowLevel.LINE),
            _netted(theirs),
            late_days=ANY_DAY_OF_THE_MONTH,
        )
    )
    agreeing = [each for each in found if each.kind in (MatchClass.MATCHED, MatchClass.LATE)]
    differing = [each for each in found if each.kind not in (MatchClass.MATCHED, MatchClass.LATE)]
    rows = [
        {
            "tenant_id": db.tenant_id, "dispute_id": dispute_id, "number": number, "kind": each.kind.value,
            "about": each.key, "occurred_on": each.ours.on if each.ours else each.on, "ours_fen": each.ours.amount_fen if each.ours else None,
            "theirs_fen": each.theirs.amount_fen if each.theirs else None,
            "row_no": int(each.theirs.ref) if each.theirs and each.theirs.ref else None,
            "contract_id": places[each.key][0] if each.key in places else None,
            "store_id": places[each.key][1] if each.key in places else None,
            "state": AnswerState.OPEN.value,
        }
        for number, each in enumerate(differing, start=1)
    ]  # fmt: skip
    await db.execute(
        delete(DisputeDifference).where(
            DisputeDifference.tenant_id == db.tenant_id, DisputeDifference.dispute_id == dispute_id
        )
    )
    if rows:
        await db.execute(insert(DisputeDifference), rows)
    figures = {
        "level": numbers.level, "compares": numbers.compares, "file_name": numbers.file_name,
        "file_sha256": numbers.file_sha256, "rows_read": len(numbers.rows), "imported_at": now,
        "imported_by": imported_by, "ours_fen": sum(item.amount_fen for item in ours),
        "theirs_fen": sum(item.amount_fen for item in theirs), "matched": len(agreeing),
        "matched_fen": sum(each.ours.amount_fen for each in agreeing if each.ours),
    }  # fmt: skip
    await db.execute(
        update(Dispute).where(Dispute.tenant_id == db.tenant_id, Dispute.id == dispute_id).values(**figures)
    )
    await record_deed(
        db, actor=imported_by, action="import_numbers", subject_id=dispute_id, now=now,
        reason=f"{numbers.file_name} sha256 {numbers.file_sha256}",
    )  # fmt: skip
    return await find_dispute(db, dispute_id)


async def _hold(db: Writing, dispute_id: DisputeId) -> None:
    """Hold the dispute, and refuse one that is resolved or has answers: they were given to other figures."""
    held = select(Dispute.state).where(Dispute.tenant_id == db.tenant_id, Dispute.id == dispute_id)
    if (await db.execute(held.with_for_update())).scalar_one() != DisputeState.OPEN:
        raise DisputeStandsOtherwise(dispute_id=dispute_id)
    answered = (
        select(func.count())
        .select_from(DisputeDifference)
        .where(
            DisputeDifference.tenant_id == db.tenant_id, DisputeDifference.dispute_id == dispute_id,
            DisputeDifference.state != AnswerState.OPEN,
        )
    )  # fmt: skip
    if (await db.execute(answered)).scalar_one():
        raise DifferenceAnswered(dispute_id=dispute_id)


async def _our_items(
    db: Reading, statement_id: StatementId, *, numbers: TheirNumbers
) -> tuple[list[Item], Places]:
    """The statement's lines at the level of their file, and where each key's money was earned."""
    statement = await find_statement(db, statement_id)
    names = await names_of(db, statement_id)
    ids = {code: store_id for store_id, (code, _) in names.stores.items()}
    items: list[Item] = []
    places: Places = {}
    party_id, month, version = statement.party.id, statement.period_on, statement.version
    for day in await statement_days(db, party_id, month=month, version=version):
        for line in await statement_lines(
            db, party_id, month=month, day=day, version=version, stores=names.stores
        ):
            key = _key(line, numbers.level)
            places[key] = (line.contract_id, ids.get(line.store_code))
            amount = line.portion_fen if numbers.compares is Compared.PORTION else line.base_fen
            items.append(Item(key=key, on=line.occurred_on, amount_fen=amount))
    return items, places


def _key(line: StatementLine, level: RowLevel) -> str:
    if level is RowLevel.DAY:
        return line.occurred_on.isoformat()
    number = line.order_no or line.reference
    return number if level is RowLevel.ORDER else f"{number}#{line.line_no or ''}"


def _netted(items: Iterable[Item], *, whole: bool = False) -> list[Item]:
    """Items of one key and of both signs are a sale with its refunds: one figure. `whole`: an order's or a day's lines are one figure too."""
    by_key: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_key[item.key].append(item)
    netted = []
    for key, several in by_key.items():
        if len(several) > 1 and (whole or len({item.amount_fen < 0 for item in several}) > 1):
            first = min(several, key=lambda item: item.on)
            total = Fen(sum(item.amount_fen for item in several))
            netted.append(Item(key=key, on=first.on, amount_fen=total, ref=first.ref))
        else:
            netted += several
    return netted
