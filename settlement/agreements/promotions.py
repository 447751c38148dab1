"""Promotions: a discount's code, its dates, and who pays for it. What a promotion costs is booked with the sale (`post_beside`).

A promotion is never edited: it may end, and another code begins. Lines that were sold keep what was frozen with them.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.agreements.promotion_models import Promotion, PromotionFunder
from settlement.commands import EndPromotion, StartPromotion
from settlement.errors import (
    FunderNamedTwice,
    FundersExceedWhole,
    PromotionCodeTaken,
    PromotionEndsWrong,
    PromotionNotFound,
)
from settlement.states import FunderRole
from settlement.views import FunderView, PromotionView
from tenants.audit import record_deed
from tenants.kernel.ids import PromotionId, new_id
from tenants.kernel.money import WHOLE, Bps
from tenants.kernel.scope import Reading, Writing


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion as freezing terms needs it."""

    active_from: datetime
    active_to: datetime | None
    residual_funder: FunderRole
    funders: tuple[tuple[FunderRole, Bps], ...]

    def holds(self, at: datetime) -> bool:
        """Whether it runs at that moment (half-open)."""
        return self.active_from <= at and (self.active_to is None or at < self.active_to)


async def start_promotion(
    db: Writing, command: StartPromotion, *, actor: str, now: datetime
) -> PromotionView:
    """Write down a promotion and who pays for it; raises PromotionCodeTaken, FundersExceedWhole, FunderNamedTwice."""
    _refuse_wrong_funders(command)
    if command.active_to is not None and command.active_from >= command.active_to:
        raise PromotionEndsWrong(details={"activeTo": command.active_to.isoformat()})
    promotion_id = PromotionId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": promotion_id, "code": command.code, "name": command.name,
        "residual_funder": command.residual_funder.value, "active_from": command.active_from,
        "active_to": command.active_to, "created_by": actor, "created_at": now,
    }  # fmt: skip
    written = upsert(Promotion).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "code"])
    if (await db.execute(written.returning(Promotion.id))).scalar_one_or_none() is None:
        raise PromotionCodeTaken(details={"code": command.code})
    funders = [
        {"tenant_id": db.tenant_id, "promotion_id": promotion_id, "role": each.role.value, "rate_bps": each.rate_bps}
        for each in command.funders
    ]  # fmt: skip
    if funders:
        await db.execute(insert(PromotionFunder), funders)
    await record_deed(db, actor=actor, action="start_promotion", subject_id=promotion_id, now=now)
    return await find_promotion(db, promotion_id)


async def end_promotion(
    db: Writing, command: EndPromotion, *, promotion_id: PromotionId, actor: str, now: datetime
) -> PromotionView:
    """Let a promotion end earlier than it was to; raises PromotionNotFound, PromotionEndsWrong."""
    found = await find_promotion(db, promotion_id)
    later = or_(Promotion.active_to.is_(None), Promotion.active_to > command.active_to)
    ended = (
        update(Promotion)
        .where(
            Promotion.tenant_id == db.tenant_id, Promotion.id == promotion_id,
            Promotion.active_from < command.active_to, later,
        )
        .values(active_to=command.active_to)
        .returning(Promotion.id)
    )  # fmt: skip
    if (await db.execute(ended)).scalar_one_or_none() is None:
        runs = f"it runs from {found.active_from.isoformat()} to {found.active_to or 'open end'}"
        raise PromotionEndsWrong(details={"activeTo": runs})
    await record_deed(
        db, actor=actor, action="end_promotion", subject_id=promotion_id, now=now,
        reason=command.active_to.isoformat(),
    )  # fmt: skip
    return await find_promotion(db, promotion_id)


async def find_promotion(db: Reading, promotion_id: PromotionId) -> PromotionView:
    """One promotion."""
    found = [each for each in await promotions(db) if each.id == promotion_id]
    if not found:
        raise PromotionNotFound(promotion_id=promotion_id)
    return found[0]


async def promotions(db: Reading) -> list[PromotionView]:
    """All promotions, the newest first."""
    statement = (
        select(Promotion)
        .where(Promotion.tenant_id == db.tenant_id)
        .order_by(Promotion.active_from.desc(), Promotion.code)
        .execution_options(populate_existing=True)
    )
    rows = list((await db.execute(statement)).scalars())
    funders = await _funders(db, [PromotionId(row.id) for row in rows])
    return [
        PromotionView(
            id=PromotionId(row.id), code=row.code, name=row.name,
            funders=[FunderView(role=role, rate_bps=bps) for role, bps in funders[PromotionId(row.id)]],
            residual_funder=FunderRole(row.residual_funder), active_from=row.active_from, active_to=row.active_to,
        )
        for row in rows
    ]  # fmt: skip


async def promotions_named(db: Reading, codes: Iterable[str | None]) -> dict[str, InForce]:
    """The promotions with these codes."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    statement = select(
        Promotion.id, Promotion.code, Promotion.residual_funder, Promotion.active_from, Promotion.active_to
    ).where(Promotion.tenant_id == db.tenant_id, Promotion.code.in_(wanted))
    rows = (await db.execute(statement)).all()
    funders = await _funders(db, [PromotionId(row.id) for row in rows])
    return {
        row.code: InForce(
            active_from=row.active_from, active_to=row.active_to, residual_funder=FunderRole(row.residual_funder),
            funders=tuple(funders[PromotionId(row.id)]),
        )
        for row in rows
    }  # fmt: skip


async def promotion_codes(db: Reading) -> frozenset[str]:
    """The codes of all promotions."""
    found = await db.execute(select(Promotion.code).where(Promotion.tenant_id == db.tenant_id))
    return frozenset(found.scalars())


async def _funders(db: Reading, ids: list[PromotionId]) -> dict[PromotionId, list[tuple[FunderRole, Bps]]]:
    statement = (
        select(PromotionFunder.promotion_id, PromotionFunder.role, PromotionFunder.rate_bps)
        .where(PromotionFunder.tenant_id == db.tenant_id, PromotionFunder.promotion_id.in_(ids))
        .order_by(PromotionFunder.role)
    )
    found: dict[PromotionId, list[tuple[FunderRole, Bps]]] = defaultdict(list)
    for row in await db.execute(statement):
        found[PromotionId(row.promotion_id)].append((FunderRole(row.role), Bps(row.rate_bps)))
    return found


def _refuse_wrong_funders(command: StartPromotion) -> None:
    roles = [each.role for each in command.funders]
    if len(set(roles)) < len(roles) or command.residual_funder in roles:
        raise FunderNamedTwice(details={"funders": ", ".join(sorted({*roles, command.residual_funder}))})
    total = sum(each.rate_bps for each in command.funders)
    if total > WHOLE:
        summed = " + ".join(f"{each.role.value} {each.rate_bps}" for each in command.funders)
        raise FundersExceedWhole(details={"funders": f"{summed} = {total} > {WHOLE}"})
