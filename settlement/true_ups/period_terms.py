"""What a period's terms give a party: tiers, guarantee, the higher of the two, a cap. Pure; the arithmetic that somebody could sue over.

Orders are split at the provisional rate when they are sold and never split again; when the period is over the difference between what its
terms give and what its sales gave is settled at once (a true-up). Every step is told, because it is printed for the other side.
"""

from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from settlement.agreements.agreed import GuaranteeKind, ReturnsCount, TermLength, TierMode
from settlement.calendar import MONTHS
from settlement.errors import (
    CapBelowGuarantee,
    GuaranteeIncomplete,
    GuaranteeWithoutRate,
    PeriodTermsEmpty,
    TiersNotInOrder,
    TiersStartAboveZero,
)
from tenants.kernel.money import WHOLE, Bps, Fen

NOTHING = Fen(0)
Amount = Annotated[int, Meta(ge=0)]


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A rate from so much turnover on, up to (and without) `to_fen`; the last tier has no end."""

    from_fen: Amount
    to_fen: Amount | None = None
    rate_bps: Annotated[int, Meta(ge=0, le=10_000)]


class PeriodRules(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a contract agrees with one party for each month, quarter or year."""

    length: TermLength
    tiers: tuple[Tier, ...] = ()
    tier_mode: TierMode = TierMode.MARGINAL
    prorated_tiers: bool = False
    """Whether the tiers' bounds shrink with a partial period as guarantee and cap do."""
    guarantee_kind: GuaranteeKind | None = None
    guarantee_fen: Amount = 0
    guarantee_in_tiers: bool = True
    """保底在分段内: the guaranteed turnover goes through the tiers. False: the shortfall is counted beside them, at the ordinary rate."""
    higher_of: bool = True
    """取高: the higher of rate and guaranteed amount. False: the amount is owed beside the rate (保底加提成)."""
    cap_fen: Amount | None = None
    returns_count: ReturnsCount = ReturnsCount.WHEN_RETURNED
    """Which term what comes back is taken off: the one it comes back in, or the one its goods were sold in."""
    ordinary_bps: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    """The party's rate for everything, where a shortfall of guaranteed turnover is taken at it."""

    def as_counted(self) -> "PeriodRules":
        """Without what does not count: a guaranteed amount is no other one because the rate of sales changed."""
        if self.guarantee_kind is GuaranteeKind.SALES:
            return self
        return msgspec.structs.replace(self, ordinary_bps=None)


class Slice(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one tier gives: so much turnover at a rate."""

    from_fen: Fen
    to_fen: Fen | None
    rate_bps: Bps
    turnover_fen: Fen
    amount_fen: Fen


class PeriodDue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Every step from turnover to true-up: due = rated + shortfall - cut, true-up = due - provisional - earlier."""

    turnover_fen: Fen
    """What was sold on the contract's base, net of refunds; below zero when more went back."""
    provisional_fen: Fen
    """What the sales gave the party, order by order."""
    days_in_force: int
    days_in_period: int
    slices: tuple[Slice, ...]
    rated_fen: Fen
    """What the tiers give, or without tiers what the sales gave."""
    guarantee_fen: Fen | None
    """The guarantee, by the days in force."""
    shortfall_fen: Fen
    """What the guarantee adds."""
    cap_fen: Fen | None
    """The cap, by the days in force."""
    cut_fen: Fen
    """What the cap takes away."""
    due_fen: Fen
    earlier_fen: Fen
    """True-ups of the same period that were settled before."""
    true_up_fen: Fen
    """Positive: the party is owed more; negative: it owes."""


def period_due(
    rules: PeriodRules,
    *,
    turnover_fen: Fen,
    provisional_fen: Fen,
    days_in_force: int,
    days_in_period: int,
    earlier_fen: Fen = NOTHING,
) -> PeriodDue:
    """What the rules give for a period, step by step.

    A period in which the contract was not in force for a day (late refunds alone) has no terms: what its sales gave is what is due.
    """
    if not 0 <= days_in_force <= days_in_period or days_in_period < 1:
        raise ValueError("days in force lie between none and all of the period's")
    slices: tuple[Slice, ...] = ()
    rated, guarantee, shortfall, cap = provisional_fen, None, NOTHING, None
    if days_in_force:
        share = (days_in_force, days_in_period)
        tiers = _bounds(rules, share=share)
        if tiers:
            slices = _slices(tiers, turnover_fen, mode=rules.tier_mode)
            rated = _sum(slices)
        if rules.guarantee_kind is not None:
            guarantee = _prorated(rules.guarantee_fen, share=share)
            shortfall = _shortfall(
                rules, tiers, guarantee=guarantee, turnover=turnover_fen, rated=rated, provisional=provisional_fen
            )  # fmt: skip
        if rules.cap_fen is not None:
            cap = _prorated(rules.cap_fen, share=share)
    cut = NOTHING if cap is None else Fen(max(0, rated + shortfall - cap))
    due = Fen(rated + shortfall - cut)
    return PeriodDue(
        turnover_fen=turnover_fen, provisional_fen=provisional_fen, days_in_force=days_in_force,
        days_in_period=days_in_period, slices=slices, rated_fen=rated, guarantee_fen=guarantee,
        shortfall_fen=shortfall, cap_fen=cap, cut_fen=cut, due_fen=due, earlier_fen=earlier_fen,
        true_up_fen=Fen(due - provisional_fen - earlier_fen),
    )  # fmt: skip


def part_of(amount: int, rate: int) -> Fen:
    """Amount x rate / 10000 in whole fen, rounded towards zero: what went back takes as much as what was sold gave."""
    part = abs(amount) * rate // WHOLE
    return Fen(part if amount >= 0 else -part)


def _shortfall(
    rules: PeriodRules,
    tiers: tuple[Tier, ...],
    *,
    guarantee: Fen,
    turnover: Fen,
    rated: Fen,
    provisional: Fen,
) -> Fen:
    """What the guarantee adds to the rated amount; never less than nothing."""
    inside = bool(tiers) and rules.guarantee_in_tiers
    if rules.guarantee_kind is GuaranteeKind.SALES:
        if guarantee <= turnover:
            return NOTHING
        if inside:
            # Of whole-amount tiers with falling rates more turnover may give less: a guarantee never takes away.
            return Fen(max(0, _sum(_slices(tiers, guarantee, mode=rules.tier_mode)) - rated))
        return part_of(guarantee - turnover, rules.ordinary_bps or 0)
    if not rules.higher_of:
        return guarantee
    beside_tiers = bool(tiers) and not rules.guarantee_in_tiers
    return Fen(max(0, guarantee - (provisional if beside_tiers else rated)))


def _slices(tiers: tuple[Tier, ...], turnover: int, *, mode: TierMode) -> tuple[Slice, ...]:
    """What each tier that is reached gives; negative turnover is taken back at the first tier's rate."""
    reached = [tier for tier in tiers if tier.from_fen < turnover] or [tiers[0]]
    if mode is TierMode.WHOLE or turnover < 0:
        # A bound belongs to the tier that it begins.
        at = [tier for tier in tiers if tier.from_fen <= turnover] or [tiers[0]]
        tier = at[-1] if turnover >= 0 else tiers[0]
        return (_slice(tier, Fen(turnover), amount=part_of(turnover, tier.rate_bps)),)
    found, exact, given = [], 0, 0
    for tier in reached:
        width = min(turnover, turnover if tier.to_fen is None else tier.to_fen) - tier.from_fen
        # Rounded down once over all tiers: tier by tier would lose a fen each.
        exact += width * tier.rate_bps
        found.append(_slice(tier, Fen(width), amount=Fen(exact // WHOLE - given)))
        given = exact // WHOLE
    return tuple(found)


def _slice(tier: Tier, turnover: Fen, *, amount: Fen) -> Slice:
    return Slice(
        from_fen=Fen(tier.from_fen), to_fen=None if tier.to_fen is None else Fen(tier.to_fen),
        rate_bps=Bps(tier.rate_bps), turnover_fen=turnover, amount_fen=amount,
    )  # fmt: skip


def _sum(slices: tuple[Slice, ...]) -> Fen:
    return Fen(sum(each.amount_fen for each in slices))


def _bounds(rules: PeriodRules, *, share: tuple[int, int]) -> tuple[Tier, ...]:
    if not rules.prorated_tiers:
        return rules.tiers
    return tuple(
        msgspec.structs.replace(
            tier,
            from_fen=_prorated(tier.from_fen, share=share),
            to_fen=None if tier.to_fen is None else _prorated(tier.to_fen, share=share),
        )
        for tier in rules.tiers
    )


def _prorated(amount: int, *, share: tuple[int, int]) -> Fen:
    days, of_days = share
    return Fen(amount * days // of_days)


def refuse_wrong_rules(rules: PeriodRules, *, place: str) -> None:
    """Refuse rules that cannot be counted, each with its own reason; `place` names the row they stand in."""
    if not rules.tiers and rules.guarantee_kind is None and rules.cap_fen is None:
        raise PeriodTermsEmpty(details={place: "neither tiers nor a guarantee nor a cap"})
    _refuse_tiers(rules, place=place)
    if (rules.guarantee_kind is None) != (rules.guarantee_fen == 0):
        told = f"{rules.guarantee_kind or 'no kind'}, {rules.guarantee_fen} fen"
        raise GuaranteeIncomplete(details={f"{place}.guaranteeFen": told})
    if rules.guarantee_kind is GuaranteeKind.SALES and not rules.higher_of:
        raise GuaranteeIncomplete(
            details={f"{place}.higherOf": "guaranteed sales are the higher of the two by themselves"}
        )
    beside = not rules.tiers or not rules.guarantee_in_tiers
    if rules.guarantee_kind is GuaranteeKind.SALES and beside and rules.ordinary_bps is None:
        raise GuaranteeWithoutRate(details={f"{place}.guaranteeKind": "no rate for everything in rates"})
    if rules.cap_fen is not None:
        least = _least(rules)
        if rules.cap_fen < least:
            raise CapBelowGuarantee(details={f"{place}.capFen": f"{rules.cap_fen} < {least} guaranteed"})


def _refuse_tiers(rules: PeriodRules, *, place: str) -> None:
    if not rules.tiers:
        return
    if rules.tiers[0].from_fen != 0:
        raise TiersStartAboveZero(details={f"{place}.tiers[0].fromFen": str(rules.tiers[0].from_fen)})
    for number, (tier, after) in enumerate(pairwise(rules.tiers)):
        if tier.to_fen is None or tier.to_fen != after.from_fen or tier.to_fen <= tier.from_fen:
            told = f"{tier.from_fen} to {tier.to_fen}, then from {after.from_fen}"
            raise TiersNotInOrder(details={f"{place}.tiers[{number}].toFen": told})
    if rules.tiers[-1].to_fen is not None:
        raise TiersNotInOrder(
            details={f"{place}.tiers[{len(rules.tiers) - 1}].toFen": "the last tier has no end"}
        )


def _least(rules: PeriodRules) -> Fen:
    """What a whole period gives at least, however little is sold."""
    return period_due(
        msgspec.structs.replace(rules, cap_fen=None), turnover_fen=NOTHING, provisional_fen=NOTHING,
        days_in_force=30 * MONTHS[rules.length], days_in_period=30 * MONTHS[rules.length],
    ).due_fen  # fmt: skip
