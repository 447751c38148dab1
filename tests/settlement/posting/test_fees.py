"""The channel's expected fee: half up on the amount kept, nothing left of what went back whole, borne by whom the contract says."""

from hypothesis import given
from hypothesis import strategies as some

from settlement.agreements.agreed import Bearer
from settlement.posting.fees import fee_kept, fee_on, fee_shares
from tenants.kernel.ids import PartyId, new_id
from tenants.kernel.money import LARGEST_AMOUNT, Bps, Fen

BRAND, MALL, AGENT = (PartyId(new_id()) for _ in range(3))
amounts = some.integers(0, LARGEST_AMOUNT).map(Fen)
rates = some.integers(0, 10_000).map(Bps)


def test_the_fee_is_rounded_half_up() -> None:
    assert [fee_on(Fen(amount), Bps(60)) for amount in (83, 84, 19_900, 250)] == [0, 1, 119, 2]


@given(amounts, rates, rates, some.lists(some.integers(0, 10**9), max_size=6))
def test_refunds_in_any_parts_give_back_the_whole_fee(
    amount: Fen, rate: Bps, rate_now: Bps, parts: list[int]
) -> None:
    charged, kept, returned = fee_on(amount, rate), amount, 0
    for part in [*parts, amount]:
        after = Fen(max(kept - part, 0))
        step = fee_kept(charged, amount=amount, kept=kept, rate=rate_now) - fee_kept(
            charged, amount=amount, kept=after, rate=rate_now
        )
        assert step >= 0
        kept, returned = after, returned + step
    assert (kept, returned) == (0, charged)


@given(
    amounts,
    some.sampled_from(Bearer),
    some.dictionaries(some.sampled_from([BRAND, MALL, AGENT]), some.integers(-100, 10**12).map(Fen)),
)
def test_shares_never_exceed_the_fee_and_the_residual_party_has_none(
    fee: Fen, by: Bearer, held: dict[PartyId, Fen]
) -> None:
    shares = fee_shares(fee, by=by, party_id=MALL, held=held, residual=BRAND)
    assert BRAND not in shares
    assert all(share >= 0 for share in shares.values())
    if all(fen >= 0 for fen in held.values()):
        assert sum(shares.values()) <= fee


def test_who_bears_it_is_the_contracts() -> None:
    held = {BRAND: Fen(8_000), MALL: Fen(1_500), AGENT: Fen(500)}

    def shares(by: Bearer, party_id: PartyId | None = None) -> dict[PartyId, Fen]:
        return fee_shares(Fen(60), by=by, party_id=party_id, held=held, residual=BRAND)

    assert shares(Bearer.RESIDUAL) == {}
    assert shares(Bearer.PARTY, MALL) == {MALL: 60}
    assert shares(Bearer.PARTY, BRAND) == {}
    assert shares(Bearer.SHARED) == {MALL: 9, AGENT: 3}
