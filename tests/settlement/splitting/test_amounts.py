"""How much each receiver gets and gives back, by law rather than by example."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from settlement.split import LineBase, Portion
from settlement.splitting.amounts import Owed, cut_to, owed_of, room_for, to_return
from settlement.states import PartyKind
from settlement.terms import LineSplit
from tenants.kernel.ids import ContractId, PartyId
from tenants.kernel.money import Bps, Fen

PARTIES = [PartyId(UUID(int=number)) for number in range(1, 5)]
RESIDUAL, CONTRACT = PartyId(UUID(int=99)), ContractId(UUID(int=7))
FEN = st.integers(0, 10**9).map(Fen)
KINDS = (PartyKind.PLATFORM, PartyKind.MALL, PartyKind.FRANCHISEE, PartyKind.BRAND)


def terms(*rates: int) -> LineSplit:
    portions = tuple(Portion(party, Bps(rate)) for party, rate in zip(PARTIES, rates, strict=False))
    return LineSplit(contract_id=CONTRACT, residual_party_id=RESIDUAL, portions=portions, profit_sharing=True)


RATES = st.lists(st.integers(0, 2_500), min_size=1, max_size=4)


@given(st.lists(st.tuples(FEN, RATES), min_size=1, max_size=4))
def test_what_is_owed_adds_up_to_what_is_kept(lines) -> None:
    owed = owed_of((kept, terms(*rates), LineBase(kept)) for kept, rates in lines)
    assert sum(owed.values()) == sum(kept for kept, _ in lines)


@given(FEN, st.integers(0, 10_000), FEN, FEN)
def test_the_room_is_a_share_of_the_order_and_never_more_than_what_is_left(
    total, largest, before, unsplit
) -> None:
    room = room_for(total, largest=Bps(largest), split_before=before, unsplit_fen=unsplit)
    assert 0 <= room <= unsplit
    assert room == 0 or (room + before) * 10_000 <= total * largest


@given(FEN, st.lists(FEN, min_size=4, max_size=4))
def test_cutting_serves_by_kind_and_leaves_out_nothing(room, amounts) -> None:
    owed = [
        Owed(party_id=party, kind=kind, amount_fen=amount)
        for party, kind, amount in zip(PARTIES, KINDS, amounts, strict=True)
    ]
    given_ = cut_to(room, owed)
    assert sum(given_.values()) == min(room, sum(amounts))
    assert all(0 < fen <= dict(zip(PARTIES, amounts, strict=True))[party] for party, fen in given_.items())
    cut = [each for each in owed if given_.get(each.party_id, 0) < each.amount_fen]
    order = [PartyKind.MALL, PartyKind.BRAND, PartyKind.PLATFORM, PartyKind.FRANCHISEE]
    if cut:
        first = min(order.index(each.kind) for each in cut)
        assert all(order.index(each.kind) <= first for each in owed if each.party_id in given_)


def test_a_tiny_order_gives_nobody_nothing() -> None:
    assert cut_to(Fen(0), [Owed(party_id=PARTIES[0], kind=PartyKind.MALL, amount_fen=Fen(1))]) == {}
    assert owed_of([(Fen(1), terms(2_000), LineBase(Fen(1)))])[PARTIES[0]] == 0


@given(st.lists(FEN, min_size=2, max_size=6), RATES)
def test_refund_after_refund_each_holds_exactly_what_it_is_owed(parts, rates) -> None:
    line, kept = terms(*rates), Fen(sum(parts))
    held = {party: fen for party, fen in owed_of([(kept, line, LineBase(kept))]).items() if party != RESIDUAL}
    for part in parts:
        kept = Fen(kept - part)
        owed = owed_of([(kept, line, LineBase(kept))])
        for party, back in to_return(held, owed).items():
            held[party] = Fen(held[party] - back)
        assert {party: owed[party] for party in held} == held
    assert set(held.values()) == {0}


@given(st.dictionaries(st.sampled_from(PARTIES), FEN), st.dictionaries(st.sampled_from(PARTIES), FEN))
def test_nobody_gives_back_more_than_it_holds_or_what_it_is_owed(held, owed) -> None:
    back = to_return(held, owed)
    assert all(0 < fen <= held[party] for party, fen in back.items())
    assert all(held[party] - back.get(party, 0) <= max(owed.get(party, 0), 0) for party in held)
