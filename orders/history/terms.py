"""The terms imported lines are settled on: one question for each kind of line, asked together. Reads commission plans; freezing is settlement's."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from guides.commission import plan_in_force, rate_of
from guides.queries import every_plan
from orders.ports import Terms, TermsQuestion
from orders.states import LineKind
from tenants.kernel.ids import GuideId, TermsId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Writing
from tenants.levels import path_of
from tenants.store_clocks import StoreClock


class Asked(NamedTuple):
    """What terms depend on."""

    store: StoreClock
    category_code: str | None
    guide_id: GuideId | None
    at: datetime


def asked_category(kind: str, category_code: str | None) -> str | None:
    """Carriage and fees are asked under `freight` and `other`, so that a contract can leave them out of a mall's rate."""
    return category_code if kind == LineKind.GOODS else kind


async def freeze_terms(
    db: Writing, asked: Sequence[Asked], *, terms: Terms, source_name: str
) -> dict[Asked, TermsId]:
    """Freeze the terms of every distinct question; raises NoTermsInForce where a store has none."""
    distinct = list(dict.fromkeys(asked))
    if not distinct:
        return {}
    plans = await every_plan(db) if any(each.guide_id for each in distinct) else []
    questions = []
    for each in distinct:
        rate = Bps(0)
        # Commission is earned on goods: carriage and fees are asked without a guide's rate.
        if each.guide_id and each.category_code not in {LineKind.FREIGHT, LineKind.OTHER}:
            path = path_of(db.tenant_id, group_id=each.store.group_id, store_id=each.store.id)
            rate = rate_of(plan_in_force(plans, path=path, at=each.at), category_code=each.category_code)
        questions.append(
            TermsQuestion(
                store_id=each.store.id,
                sku_id=None,
                category_code=each.category_code,
                guide_id=each.guide_id,
                guide_rate_bps=rate,
                at=each.at,
                source_name=source_name,
                through_channel=False,
            )
        )
    found = await terms.freeze(db, questions)
    return {each: answer.terms_id for each, answer in zip(distinct, found, strict=True)}
