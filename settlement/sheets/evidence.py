"""Why something was adjusted, step by step, in words for both sides: a true-up's reckoning, a correction's reason and the two who agreed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import and_, select

from settlement.agreements.agreed import ReturnsCount
from settlement.agreements.models import TrueUp
from settlement.agreements.views import Reckoned
from settlement.models import Party
from settlement.signing.persons import STAFF
from settlement.signing.queries import booked_adjustments
from settlement.signing.views import AdjustmentView
from settlement.views import Step
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import Reading
from tenants.queries import all_staff


async def evidence_of(db: Reading, ids: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """The steps of these true-ups and corrections."""
    wanted = list(ids)
    corrections = await booked_adjustments(db, wanted)
    # Logins: no statement may read otherwise later, and a login is never given another name.
    logins = {f"{STAFF}{each.id}": each.login for each in await all_staff(db)} if corrections else {}
    found = {each: _steps_of(view, logins=logins) for each, view in corrections.items()}
    reckoned = (
        select(TrueUp.id, TrueUp.reckoning, TrueUp.amount_fen, Party.name)
        .join(Party, and_(Party.tenant_id == TrueUp.tenant_id, Party.id == TrueUp.party_id))
        .where(TrueUp.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id, TrueUp.id.in_(wanted))
    )
    for row in await db.execute(reckoned):
        told = msgspec.convert(row.reckoning, list[Reckoned])
        steps = [Step(zh="结算对象", en="reckoned for", value=row.name)]
        steps += [step for each in told for step in _reckoned_steps(each)]
        found[row.id] = [*steps, *_booked_steps(told, booked=Fen(row.amount_fen))]
    return found


def booked_here(amount: Fen) -> Step:
    """The last step of a true-up: what of it stands on this statement, of this party's account."""
    return _money("本结算单入账", "this statement books", amount)


def _booked_steps(told: Sequence[Reckoned], *, booked: Fen) -> Iterator[Step]:
    """From what was reckoned to what was booked: less what earlier statements booked, less what a party would have settled with itself."""
    dues = [each.due for each in told]
    yield _money(
        "核算差额合计", "reckoned in all", Fen(sum(due.due_fen - due.provisional_fen for due in dues))
    )
    yield _money("此前账期已入账", "booked by earlier statements", Fen(sum(due.earlier_fen for due in dues)))
    own = Fen(sum(due.true_up_fen for due in dues) - booked)
    if own:
        yield _money("自营门店自留，不入账", "at its own stores, not booked", own)
    yield _money("本账期入账", "booked in this period", booked)


def _steps_of(correction: AdjustmentView, *, logins: Mapping[str, str]) -> list[Step]:
    """A correction: what it corrects, why, who asked and who agreed."""
    steps = [
        Step(zh="金额", en="amount", value=yuan_text(correction.amount_fen)),
        Step(zh="原因", en="reason", value=correction.reason),
    ]
    if correction.statement_id:
        steps.append(Step(zh="更正结算单", en="corrects statement", value=str(correction.statement_id)))
    if correction.order_id:
        steps.append(Step(zh="更正订单", en="corrects order", value=str(correction.order_id)))
    if correction.evidence:
        steps.append(Step(zh="依据", en="evidence", value=correction.evidence))
    agreed_by = correction.decided_by or ""
    steps.append(
        Step(zh="申请人", en="asked for by", value=logins.get(correction.proposed_by, correction.proposed_by))
    )
    steps.append(Step(zh="复核人", en="agreed to by", value=logins.get(agreed_by, agreed_by)))
    return steps


def _reckoned_steps(told: Reckoned) -> Iterator[Step]:
    """A true-up: from turnover by tiers, guarantee and cap to what is due, less what sales and earlier true-ups gave."""
    due = told.due
    versions = "、".join(f"v{version}" for version in told.versions)
    yield Step(zh="期间", en="days", value=f"{told.first_day} 至 {told.last_day}（{versions}）")
    yield Step(zh="在约天数", en="days in force", value=f"{due.days_in_force} / {due.days_in_period}")
    if told.rules.returns_count is ReturnsCount.WHEN_SOLD:
        yield Step(zh="退货计入", en="returns count", value="销售所属账期")
    if told.before is not None:
        yield Step(
            zh="重新核算，上次核算于", en="reckoned again, last in", value=f"{told.before.period_on:%Y-%m}"
        )
        yield _money("上次营业额", "turnover then", told.before.turnover_fen)
        yield _money("上次应得", "due then", told.before.due_fen)
        yield _money("上次按销售已得", "by sales then", told.before.provisional_fen)
    yield _money("营业额", "turnover", due.turnover_fen)
    for each in due.slices:
        until = "以上" if each.to_fen is None else f"至 {yuan_text(each.to_fen)}"
        value = f"{yuan_text(each.from_fen)} {until}：{yuan_text(each.turnover_fen)} × {_rate(each.rate_bps)} = {yuan_text(each.amount_fen)}"
        yield Step(zh="分段", en="tier", value=value)
    yield _money("按费率应得", "by rates", due.rated_fen)
    if due.guarantee_fen is not None:
        yield _money("保底（按天折算）", "guarantee, by days", due.guarantee_fen)
        yield _money("保底补足", "guarantee adds", due.shortfall_fen)
    if due.cap_fen is not None:
        yield _money("封顶（按天折算）", "cap, by days", due.cap_fen)
        yield _money("封顶扣减", "cap takes", Fen(-due.cut_fen))
    yield _money("本期应得", "due", due.due_fen)
    yield _money("减：按销售已得", "less: by sales", Fen(-due.provisional_fen))
    if due.earlier_fen:
        yield _money("减：此前已调整", "less: earlier true-ups", Fen(-due.earlier_fen))
    yield _money("本次调整", "true-up", due.true_up_fen)


def _money(zh: str, en: str, amount: Fen) -> Step:
    return Step(zh=zh, en=en, value=yuan_text(amount))


def _rate(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02d}%"
