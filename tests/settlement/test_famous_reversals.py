"""What went wrong when commission was taken back elsewhere, order by order: our arithmetic on real books, and each peer's in its place.

Stories that take a month or a contract are `test_famous_bugs`'.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from settlement.posting import lines
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from settlement.terms import party_id_of
from tenants.kernel.ids import GuideId, PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tests.settlement.test_famous_bugs import (
    MALL_RATE,
    PRICE,
    RATE,
    RIGHT,
    TODAYS_RATE,
    WHOLE,
    Back,
    add_guide,
    as_they_do,
    broken,
    rest_to,
)
from tests.support.books import (
    OCTOBER,
    MallStore,
    Sale,
    balances,
    give_back,
    mall_contract,
    open_mall_store,
    sell,
)
from tests.support.statements import AFTER

Reversal = Callable[..., Back]
SHARES = "per order line each party holds exactly its part of split(kept)"


@dataclass
class Bazaar:
    """A brand with one store in a mall, a guide who sold, and one who has the shopper today.

    Its orders have two lines: the mall has 15 % of both, the guide 3 % of the first and nothing of the second.
    """

    shop: MallStore
    guide: GuideId
    successor: GuideId
    plain_terms: Any

    def guides(self, who: GuideId) -> PartyId:
        return party_id_of(self.shop.tenant.tenant_id, f"guide:{who}")

    @property
    def mall(self) -> PartyId:
        return party_id_of(self.shop.tenant.tenant_id, f"mall:{self.shop.mall_id}")

    async def sold(self) -> Sale:
        async with self.shop.tenant.writing() as db:
            sale = await sell(db, self.shop.store_id, PRICE, PRICE, guide_id=self.guide, guide_bps=RATE)
            plain = text("UPDATE app.order_lines SET terms_id = :terms WHERE tenant_id = :t AND id = :line")
            await db.execute(plain, {"t": db.tenant_id, "terms": self.plain_terms, "line": sale.lines[1]})
            await post_order_paid(db, sale.id, now=OCTOBER)
        return sale

    async def refunded(self, sale: Sale, parts: Sequence[dict[int, int]]) -> None:
        """Give it back in these parts, and look after each who holds what."""
        for part in parts:
            async with self.shop.tenant.writing() as db:
                at = OCTOBER + timedelta(days=2)
                refund = await give_back(db, sale, part, at=at)
                # A refund line has the terms of the line that it takes back.
                own = text(
                    "UPDATE app.refund_lines back SET terms_id = line.terms_id FROM app.order_lines line WHERE back.tenant_id = :t"
                    " AND line.tenant_id = :t AND line.id = back.order_line_id AND back.refund_id = :refund"
                )
                await db.execute(own, {"t": db.tenant_id, "refund": refund})
                await post_refund(db, refund, now=AFTER)
                held = await balances(db, order_id=sale.id)
            guide = sale.kept[0] * RATE // WHOLE
            mall = sum(kept * MALL_RATE // WHOLE for kept in sale.kept)
            assert held == {"guide": guide, "mall": mall, "brand": sum(sale.kept) - guide - mall}


@pytest.fixture
async def bazaar(tenant: TenantScope) -> Bazaar:
    shop = await open_mall_store(tenant, bps=MALL_RATE)
    async with tenant.writing() as db:
        guide, successor = await add_guide(db), await add_guide(db, "小周")
        await sell(db, shop.store_id, PRICE, guide_id=successor, guide_bps=RATE)
        plain = await sell(db, shop.store_id, PRICE)
    return Bazaar(shop, guide, successor, plain.terms_id)


@dataclass(frozen=True)
class Peer:
    """How somebody else takes back commission: `their(bazaar)` is the arithmetic, `parts` the refunds that show it."""

    thread: str
    their: Callable[[Bazaar], Reversal]
    parts: Sequence[dict[int, int]] = field(default_factory=lambda: [{0: 2_500}])


def only(bazaar: Bazaar, changed: Callable[[PartyId, int, int, int], int]) -> Reversal:
    """A reversal in which the portions are what `changed(party, right step, before, after)` says, and the residual party takes the rest."""

    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        back = RIGHT(before, after, terms=terms, base=base)
        steps = {party: Fen(changed(party, fen, before, after)) for party, fen in back.items()}
        return rest_to(terms.residual_party_id, steps, of=before - after)

    return theirs


def whole_line_voided(bazaar: Bazaar) -> Reversal:
    guide = bazaar.guides(bazaar.guide)
    return only(
        bazaar, lambda party, fen, before, _: before * RATE // WHOLE if party == guide and fen else fen
    )


def never_taken_back(bazaar: Bazaar) -> Reversal:
    return only(bazaar, lambda *_: 0)


def some_roles_only(bazaar: Bazaar) -> Reversal:
    return only(bazaar, lambda party, fen, *_: fen if party == bazaar.mall else 0)


def commission_alone_moves(bazaar: Bazaar) -> Reversal:
    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        return RIGHT(before, after, terms=terms, base=base) | {terms.residual_party_id: Fen(0)}

    return theirs


def taken_back_twice(bazaar: Bazaar) -> Reversal:
    return only(bazaar, lambda _party, fen, *_: 2 * fen)


def sign_lost(bazaar: Bazaar) -> Reversal:
    return only(bazaar, lambda _party, fen, *_: -fen)


def each_refund_by_itself(bazaar: Bazaar) -> Reversal:
    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        return lines.split_line(Fen(before - after), terms)

    return theirs


def rounded_to_nearest(bazaar: Bazaar) -> Reversal:
    rates = {bazaar.mall: MALL_RATE, bazaar.guides(bazaar.guide): RATE}
    return only(
        bazaar, lambda party, _fen, before, after: round((before - after) * rates.get(party, 0) / WHOLE)
    )


def todays_rate(bazaar: Bazaar) -> Reversal:
    return only(
        bazaar,
        lambda party, fen, before, after: (
            (before - after) * TODAYS_RATE // WHOLE if party == bazaar.mall else fen
        ),
    )


def blended_rate(bazaar: Bazaar) -> Reversal:
    """The guide's 3 % of one line and nothing of the other are 1.5 % of the order."""

    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        back = RIGHT(before, after, terms=terms, base=base)
        back[bazaar.guides(bazaar.guide)] = Fen((before - after) * (RATE // 2) // WHOLE)
        return rest_to(terms.residual_party_id, back, of=before - after)

    return theirs


def todays_guide(bazaar: Bazaar) -> Reversal:
    """The shopper was handed over since: who has it now gives back what another was given."""
    sold, has_it_now = bazaar.guides(bazaar.guide), bazaar.guides(bazaar.successor)

    def theirs(before: Fen, after: Fen, *, terms: Any, base: Any = None) -> Back:
        back = RIGHT(before, after, terms=terms, base=base)
        return {has_it_now if party == sold else party: fen for party, fen in back.items()}

    return theirs


IN_PARTS = [{0: 3_333}, {0: 3_333}, {0: 3_334}]
PEERS = (
    Peer("yudao: a part refunded voids the whole line's commission", whole_line_voided),
    Peer("wcvendors 827, lms-front 498: a part refunded leaves the commission due", never_taken_back),
    Peer("CRMEB: of a split order some roles alone give back", some_roles_only),
    Peer("dokan 905: the commission goes to nothing, the vendor's earning stays", commission_alone_moves),
    Peer("lms-front 511: taken back twice", taken_back_twice),
    Peer("adempiere 1628: a credit raises the commission", sign_lost),
    Peer("each refund split by itself", each_refund_by_itself, IN_PARTS),
    Peer("floats rounded to the nearest", rounded_to_nearest, [{0: 9_983}, {0: 17}]),
    Peer("tezgah 144, Mercur: at the rate of today's contract", todays_rate),
    Peer("tezgah 144: at the order's blended rate", blended_rate, [{1: 10_000}]),
    Peer("OCA commission 53, erpnext 57502: from whoever has the shopper today", todays_guide),
)


async def test_each_party_gives_back_its_own_part_at_its_own_rate_and_every_peers_way_is_noticed(
    bazaar: Bazaar,
) -> None:
    sales = [await bazaar.sold() for _ in PEERS]
    async with bazaar.shop.tenant.writing() as db:
        tomorrow = OCTOBER + timedelta(days=1)
        await mall_contract(
            db, bazaar.shop.mall_id, [bazaar.shop.store_id], bps=TODAYS_RATE, active_from=tomorrow
        )
    for sale, peer in zip(sales, PEERS, strict=True):
        await bazaar.refunded(sale, peer.parts)
    await post_pending(bazaar.shop.tenant, now=AFTER)
    assert await broken(bazaar.shop.tenant) == {}
    unnoticed, found = [], 0
    for peer in PEERS:
        sale = await bazaar.sold()
        with as_they_do((lines, "reversal", peer.their(bazaar))):
            try:
                await bazaar.refunded(sale, peer.parts)
            except AssertionError:
                # The books' own law names it too.
                before, found = found, (await broken(bazaar.shop.tenant)).get(SHARES, 0)
                if found > before:
                    continue
            unnoticed.append(peer.thread)
    assert unnoticed == []
