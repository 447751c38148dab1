"""The terms imported lines are settled on: one question for each kind of line, asked together. Reads commission plans; freezing is settlement's."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from guides.commission import plan_in_force, rate_of
from guides.queries import every_plan
from orders.bases import BaseRule, base_of_line
from orders.ports import Terms, TermsQuestion
from orders.states import LineKind
from tenants.kernel.ids import GuideId, TermsId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading, Writing
from tenants.levels import path_of
from tenants.store_clocks import StoreClock


class Asked(NamedTuple):
    """What terms depend on. SKU and promotion are there only when some contract has a rate for them: so few questions stand for many lines."""

    store: StoreClock
    category_code: str | None
    guide_id: GuideId | None
    at: datetime
    kind: str = LineKind.GOODS.value
    sku_code: str | None = None
    promotion_code: str | None = None


class Named(NamedTuple):
    """What of a line contracts have rates for."""

    sku_codes: frozenset[str] = frozenset()
    promotion_codes: frozenset[str] = frozenset()

    def of(self, sku_code: str | None, promotion_code: str | None) -> tuple[str | None, str | None]:
        """The SKU and the promotion, where terms depend on them."""
        return (
            sku_code if sku_code in self.sku_codes else None,
            promotion_code if promotion_code in self.promotion_codes else None,
        )


class Agreed(NamedTuple):
    """The terms of a line, and how its base is found."""

    terms_id: TermsId
    base: BaseRule

    def base_of(self, *, goods_fen: int, paid_fen: int) -> Fen | None:
        """The base of a line of these amounts."""
        return base_of_line(self.base, goods_fen=Fen(goods_fen), paid_fen=Fen(paid_fen))


async def named_in_rates(db: Reading, *, terms: Terms) -> Named:
    """What of lines has to be asked about."""
    found = await terms.named_in_rates(db)
    return Named(found.sku_codes, found.promotion_codes)


def asked_category(kind: str, category_code: str | None) -> str | None:
    """Carriage and fees are asked under `freight` and `other`, so that a contract can leave them out of a mall's rate."""
    return category_code if kind == LineKind.GOODS else kind


async def freeze_terms(db: Writing, asked: Sequence[Asked], *, terms: Terms) -> dict[Asked, Agreed]:
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
                sku_code=each.sku_code,
                promotion_code=each.promotion_code,
                kind=LineKind(each.kind),
                guide_id=each.guide_id,
                guide_rate_bps=rate,
                at=each.at,
                through_channel=False,
            )
        )
    found = await terms.freeze(db, questions)
    return {each: Agreed(answer.terms_id, answer.base) for each, answer in zip(distinct, found, strict=True)}
