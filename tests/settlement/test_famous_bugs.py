"""What went wrong with refunds and commissions elsewhere: each story told on our books, and once more with the peer's way put in its place.

A peer's way is a small function that books or reckons as that product did; the same checks of the same story then fail. Peers and threads
are those of the comparison of open-source malls and marketplaces; nothing of their code is here.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import insert, text

from orders.bases import BaseKind, BaseRule, base_of_line
from orders.models import Pickup
from orders.states import PickupState, Source
from settlement.agreements.agreed import TermLength, TierMode
from settlement.claims import claims
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.payouts.states import LineState
from settlement.posting import lines, pending, post_beside, post_refunds
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from settlement.posting.standing import OrderStanding
from settlement.statements import PartyMonth
from settlement.states import FunderRole, PartyKind, RateBase
from settlement.true_ups import reckon
from settlement.true_ups.period_terms import PeriodDue, PeriodRules, Tier, period_due
from settlement.true_ups.post import post_true_ups
from settlement.verify import verify_books
from tenants.kernel.ids import OrderId, PartyId
from tenants.kernel.money import LARGEST_AMOUNT, Fen
from tenants.kernel.scope import TenantScope, Writing
from tests.settlement.agreements.test_promotions import promote
from tests.support.books import (
    OCTOBER,
    add_guide,
    balances,
    give_back,
    give_back_loose,
    mall_contract,
    open_mall_store,
    sell,
)
from tests.support.statements import (
    AFTER,
    DECEMBER,
    NOVEMBER,
    approve,
    close,
    outcome,
    prepare,
    release,
    stated,
)
from tests.support.statements import OCTOBER as OCTOBERS_FIRST

RATE, MALL_RATE, TODAYS_RATE, WHOLE = 300, 1500, 3000, 10_000
PRICE = 10_000
RIGHT = lines.reversal
Back = dict[PartyId, Fen]
Patches = tuple[tuple[Any, str, Any], ...]


@contextmanager
def as_they_do(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    """Put a peer's way in the place of ours."""
    with pytest.MonkeyPatch.context() as patched:
        for module, name, theirs in patches:
            patched.setattr(module, name, theirs)
        yield


def rest_to(residual: PartyId, back: Back, *, of: int) -> Back:
    """What the others do not give back the residual party does: their books add up too."""
    others = {party: fen for party, fen in back.items() if party != residual}
    return others | {residual: Fen(of - sum(others.values()))}


async def broken(tenant: TenantScope) -> dict[str, int]:
    async with tenant.reading() as db:
        return {each.law: each.broken for each in (await verify_books(db)).findings if each.broken}


@dataclass(frozen=True)
class Scene:
    """Where a story is told: a fresh brand, and the superuser's own connection."""

    tenant: TenantScope
    owner: asyncpg.Connection


async def paid_out_and_brought_back(scene: Scene) -> None:
    """A guide's commission was paid out when the goods come back: the account goes below nothing, and statement and claims say so."""
    tenant = scene.tenant
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        guide = await add_guide(db)
        sale = await sell(db, shop.store_id, PRICE, guide_id=guide, guide_bps=RATE)
        row = {
            "tenant_id": db.tenant_id, "order_id": sale.id, "store_id": shop.store_id, "code": "12345678",
            "state": PickupState.REDEEMED, "created_at": OCTOBER, "redeemed_at": OCTOBER,
        }  # fmt: skip
        await db.execute(insert(Pickup).values(row))
    await close(tenant)
    await approve(tenant, "guide")
    payout = (await prepare(tenant)).payout
    assert payout is not None
    await release(tenant, payout)
    await outcome(tenant, payout, LineState.PAID)
    async with tenant.writing() as db:
        await post_refund(db, await give_back(db, sale, {0: PRICE}, at=AFTER), now=AFTER)
        assert (await balances(db))["guide"] == -300
    await close(tenant, NOVEMBER, now=DECEMBER)
    november = await stated(tenant, "guide", NOVEMBER)
    assert (november.opening_fen, november.paid_fen, november.reversed_fen, november.closing_fen) == (
        300,
        300,
        300,
        -300,
    )
    async with tenant.reading() as db:
        [owing] = [each for each in (await claims(db, now=DECEMBER)).parties if each.party.kind == "guide"]
    assert (owing.owes_fen, [each.open_fen for each in owing.claims]) == (300, [300])


def cut_to_the_wallet() -> Patches:
    """CRMEB: if the guide has less than is to be taken back, what the guide has is taken."""
    wallets: dict[PartyId, int] = {}
    right = post_refunds.standings

    async def looked_up(db: Writing, order_ids: Any) -> dict[OrderId, OrderStanding]:
        asked = "SELECT party_id, sum(balance_fen)::bigint AS fen FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'payable' GROUP BY party_id"
        wallets.update(
            {PartyId(row.party_id): row.fen for row in await db.execute(text(asked), {"t": db.tenant_id})}
        )
        return await right(db, order_ids)

    def cut(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        back = RIGHT(before, after, terms=terms, base=base)
        had = {party: Fen(min(fen, max(0, wallets.get(party, 0)))) for party, fen in back.items()}
        return rest_to(terms.residual_party_id, had, of=before - after)

    return ((post_refunds, "standings", looked_up), (lines, "reversal", cut))


async def month_ends(scene: Scene) -> None:
    """Refunds in the month, a credit without a sale, a refund whose sale nobody had booked yet, and one after the closing."""
    tenant = scene.tenant
    shop = await open_mall_store(tenant, bps=MALL_RATE)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, PRICE)
        await give_back(db, sale, {0: 4_000})
        await sell(db, shop.store_id, 1_000)
        await give_back_loose(db, shop.store_id, 1_000, source=Source.STOREFRONT)
        # Only the refund's message arrives.
        gone = await sell(db, shop.store_id, PRICE)
        await post_refund(db, await give_back(db, gone, {0: PRICE}), now=OCTOBER)
    await close(tenant)
    october = await stated(tenant)
    assert (october.earned_fen, october.reversed_fen, october.lines) == (
        1_500 + 150 + 1_500,
        600 + 150 + 1_500,
        6,
    )
    assert october.closing_fen == 900
    async with tenant.writing() as db:
        await post_refund(db, await give_back(db, sale, {0: 3_000}, at=AFTER), now=AFTER)
    await close(tenant, NOVEMBER, now=DECEMBER)
    assert (await stated(tenant, month=NOVEMBER)).closing_fen == 900 - 450
    assert await broken(tenant) == {}


def stays_due() -> Patches:
    """wcvendors 827: a refund leaves commissions as they are."""
    return (
        (
            lines,
            "reversal",
            lambda before, after, *, terms, base=None: dict.fromkeys(
                RIGHT(before, after, terms=terms, base=base), Fen(0)
            ),
        ),
    )


def raises_it() -> Patches:
    """adempiere 1628: credit notes and returns increase what is owed."""

    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        return {party: Fen(-fen) for party, fen in RIGHT(before, after, terms=terms, base=base).items()}

    return ((lines, "reversal", theirs),)


def settled_is_settled() -> Patches:
    """Mercur, lms-front 498: nothing happens to a refund that comes after the pay-out."""
    right = post_refunds.post_drafts

    async def until_closed(db: Writing, drafts: Any, *, now: datetime) -> int:
        return (
            0
            if now >= AFTER and any(draft.occurred_at >= AFTER for draft in drafts)
            else await right(db, drafts, now=now)
        )

    return ((post_refunds, "post_drafts", until_closed),)


def negative_line_alone() -> Patches:
    """OCA commission 503: of a sale that was reversed whole its people get the negative line, never the positive one."""

    async def no_sale_first(_db: Writing, found: Any, *, now: datetime) -> Any:
        return found, []

    async def as_sold(db: Writing, order_ids: Any) -> dict[OrderId, OrderStanding]:
        asked = text(
            "SELECT order_id, id, paid_fen FROM app.order_lines WHERE tenant_id = :t AND order_id = ANY(:orders)"
        )
        rows = await db.execute(asked, {"t": db.tenant_id, "orders": list(order_ids)})
        return {OrderId(row.order_id): OrderStanding(kept={row.id: Fen(row.paid_fen)}) for row in rows}

    async def not_reversed_whole(db: Writing) -> list[OrderId]:
        asked = text("SELECT id FROM app.orders WHERE tenant_id = :t AND paid_fen > refunded_fen ORDER BY id")
        return [OrderId(each) for each in (await db.execute(asked, {"t": db.tenant_id})).scalars()]

    return (
        (post_refunds, "_after_their_sales", no_sale_first), (post_refunds, "standings", as_sold),
        (pending, "_waiting_orders", not_reversed_whole),
    )  # fmt: skip


async def contract_changed(scene: Scene) -> None:
    """Between the sale and its booking the contract changes: what was frozen is booked, and taken back."""
    tenant = scene.tenant
    shop = await open_mall_store(tenant, bps=MALL_RATE)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, PRICE)
        await mall_contract(
            db, shop.mall_id, [shop.store_id], bps=TODAYS_RATE, active_from=OCTOBER + timedelta(days=1)
        )
        await post_order_paid(db, sale.id, now=AFTER)
        assert (await balances(db, order_id=sale.id))["mall"] == 1_500
        await post_refund(db, await give_back(db, sale, {0: PRICE}, at=AFTER), now=AFTER)
        assert set((await balances(db, order_id=sale.id)).values()) == {0}


async def stored_rate_changed(scene: Scene) -> None:
    """The contract stays, and somebody writes another rate into the frozen terms behind the program's back: that one is booked."""
    tenant = scene.tenant
    shop = await open_mall_store(tenant, bps=MALL_RATE)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, PRICE)
    await scene.owner.execute(
        "UPDATE app.terms_portions SET rate_bps = 2000 WHERE tenant_id = $1 AND terms_id = $2", tenant.tenant_id, sale.terms_id
    )  # fmt: skip
    async with tenant.writing() as db:
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert (await balances(db))["mall"] == 2_000
        await post_refund(db, await give_back(db, sale, {0: 5_000}), now=OCTOBER)
        assert (await balances(db))["mall"] == 1_000


def contract_of_today() -> Patches:
    """Mercur: the line's rate is stored and never read; what is settled is recomputed from the rules of the day."""
    right = lines.booked_terms
    asked = text(
        "SELECT r.rate_bps FROM app.contract_rates r JOIN app.contracts c ON c.tenant_id = r.tenant_id AND c.id = r.contract_id"
        " WHERE r.tenant_id = :t AND c.tenant_id = :t ORDER BY c.version DESC LIMIT 1"
    )

    async def recomputed(db: Writing, wanted: Any) -> Any:
        today = (await db.execute(asked, {"t": db.tenant_id})).scalar_one()
        return {
            terms_id: msgspec.structs.replace(
                terms,
                portions=tuple(msgspec.structs.replace(each, rate_bps=today) for each in terms.portions),
            )
            for terms_id, terms in (await right(db, wanted)).items()
        }

    return ((lines, "booked_terms", recomputed),)


async def cost_is_shared(scene: Scene) -> None:
    """A promotion that the mall pays half of: it bears 10.00 of 20.00 off, and its part of a refund."""
    shop = await open_mall_store(scene.tenant, bps=MALL_RATE)
    async with scene.tenant.writing() as db:
        await promote(db, "half", (FunderRole.MALL, 5_000))
        sale = await sell(db, shop.store_id, 8_000, discount=2_000, promotion="half")
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert (await balances(db))["mall"] == 1_200 - 1_000
        await post_refund(db, await give_back(db, sale, {0: 4_000}), now=OCTOBER)
        assert (await balances(db))["mall"] == 600 - 500


def bearer_never_read() -> Patches:
    """Mercur: who bears a promotion's cost is stored, and settlement never reads it."""
    return ((post_beside, "funding_steps", lambda *_args, **_named: {}),)


async def base_changed(scene: Scene) -> None:
    """Sold at 15 % of the list price; the contract says of what was paid since. Half goes back."""
    shop = await open_mall_store(scene.tenant, bps=MALL_RATE)
    agreed = {"base": RateBase.LIST_GOODS, "active_from": datetime(2026, 1, 1, tzinfo=UTC)}
    async with scene.tenant.writing() as db:
        await mall_contract(db, shop.mall_id, [shop.store_id], **agreed)
        sale = await sell(db, shop.store_id, 8_000, goods=[10_000])
        await post_order_paid(db, sale.id, now=OCTOBER)
        await mall_contract(db, shop.mall_id, [shop.store_id], active_from=OCTOBER + timedelta(days=1))
        await post_refund(db, await give_back(db, sale, {0: 4_000}, at=AFTER), now=AFTER)
        assert (await balances(db, order_id=sale.id))["mall"] == 5_000 * MALL_RATE // WHOLE


def base_of_today() -> Patches:
    """Mercur, multivendorx 976: what the rate is of is looked up when it is needed."""

    def theirs(before: Fen, after: Fen, *, terms: Any, **_base: Any) -> Back:
        return RIGHT(before, after, terms=terms)

    return ((lines, "reversal", theirs),)


async def refunds_alone(scene: Scene) -> None:
    """A month in which goods only came back, by tiers: the mall owes its 20 %."""
    tenant = scene.tenant
    shop = await open_mall_store(tenant, bps=MALL_RATE)
    tiers = [Tier(from_fen=0, to_fen=100_000, rate_bps=2_000), Tier(from_fen=100_000, rate_bps=1_000)]
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    terms = {
        "period_terms": [PeriodTermsRow(party=party, period=TermLength.MONTH, tiers=tiers)],
        "active_from": datetime(2026, 1, 1, tzinfo=UTC),
    }
    async with tenant.writing() as db:
        await mall_contract(db, shop.mall_id, [shop.store_id], **terms)
        await give_back_loose(db, shop.store_id, PRICE, source=Source.STOREFRONT)
    await post_pending(tenant, now=AFTER)
    async with tenant.writing() as db:
        await post_true_ups(db, OCTOBERS_FIRST, now=AFTER)
        assert (await balances(db))["mall"] == -2_000


def cut_to_nothing() -> Patches:
    """Many: a period's commission is the greater of nothing and what was reckoned."""

    def theirs(*args: Any, **named: Any) -> PeriodDue:
        found = period_due(*args, **named)
        due = Fen(max(0, found.due_fen))
        left = Fen(due - found.provisional_fen - found.earlier_fen)
        return msgspec.structs.replace(found, due_fen=due, true_up_fen=left)

    return ((reckon, "period_due", theirs),)


STORIES: dict[Callable[[Scene], Awaitable[None]], tuple[Callable[[], Patches], ...]] = {
    paid_out_and_brought_back: (cut_to_the_wallet,),
    month_ends: (stays_due, raises_it, settled_is_settled, negative_line_alone),
    contract_changed: (contract_of_today,),
    stored_rate_changed: (contract_of_today,),
    cost_is_shared: (bearer_never_read,),
    base_changed: (base_of_today,),
    refunds_alone: (cut_to_nothing,),
}
TOLD = [(story, way) for story, ways in STORIES.items() for way in ways]


def named(each: Any) -> str:
    return str(each.__name__)


@pytest.mark.parametrize("story", STORIES, ids=named)
async def test_the_books_hold_in_every_story(
    tenant: TenantScope, owner: asyncpg.Connection, story: Any
) -> None:
    await story(Scene(tenant, owner))


@pytest.mark.parametrize(("story", "way"), TOLD, ids=named)
async def test_control_told_with_the_peers_way_the_story_fails(
    tenant: TenantScope, owner: asyncpg.Connection, story: Any, way: Any
) -> None:
    with as_they_do(*way()), pytest.raises(AssertionError):
        await story(Scene(tenant, owner))


async def test_control_refunds_taken_off_gross_as_well_are_refused_by_the_table(
    tenant: TenantScope, owner: asyncpg.Connection
) -> None:
    """lms-front 511: what was refunded is subtracted twice when the month is reckoned."""
    honest = PartyMonth.closing_fen.fget
    twice = property(lambda counted: honest(counted) - counted.reversed_fen)
    with (
        as_they_do((PartyMonth, "closing_fen", twice)),
        pytest.raises(Exception, match="statements_ck_closing"),
    ):
        await month_ends(Scene(tenant, owner))


def test_a_price_without_its_tax_never_passes_through_a_float() -> None:
    rule = BaseRule(kind=BaseKind.EX_TAX, tax_bps=1_300)
    amounts = (199, LARGEST_AMOUNT - 1, 9 * 10**11 + 7)
    bases = [base_of_line(rule, goods_fen=Fen(amount), paid_fen=Fen(amount)) for amount in amounts]
    assert bases == [amount * 100 // 113 for amount in amounts]
    rounded = [round(amount / 1.13) for amount in amounts]
    assert bases != rounded


def test_one_fen_more_never_costs_a_party_its_whole_tier() -> None:
    tiers = (Tier(from_fen=0, to_fen=100_000, rate_bps=1_500), Tier(from_fen=100_000, rate_bps=1_000))

    def due(turnover: int, mode: TierMode) -> int:
        rules = PeriodRules(length=TermLength.MONTH, tiers=tiers, tier_mode=mode)
        return period_due(
            rules, turnover_fen=Fen(turnover), provisional_fen=Fen(0), days_in_force=30, days_in_period=30
        ).due_fen

    assert due(100_000, TierMode.MARGINAL) >= due(99_999, TierMode.MARGINAL)
    taken_for_marginal = due(100_000, TierMode.WHOLE)
    assert taken_for_marginal < due(99_999, TierMode.WHOLE)
