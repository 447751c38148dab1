"""What parties bear of a cost that came with a sale, beside their portions: of the channel's fee, and of what coupons cost the merchant.

Whoever's merchant number it is was charged, or else the residual party: a party that bears some of a cost owes it to that one, by way of
the clearing account. What the cost is, and when it moves, is `post_channel`'s.
"""

from collections.abc import Mapping

import msgspec

from settlement.agreements.agreed import Bearer
from settlement.ledger import Draft, Movement, clearing_account, payable_account
from settlement.posting.fees import fee_shares
from settlement.posting.post_terms import BookedTerms
from settlement.posting.standing import UNBOOKED, OrderStanding
from settlement.states import Cause
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen


class SoldOn(msgspec.Struct, frozen=True, kw_only=True):
    """What an order was sold on, and what each party holds of it once its drafts are posted."""

    terms: BookedTerms
    held: Mapping[PartyId, Fen]
    before: OrderStanding = UNBOOKED
    """What the books said before; nothing of a sale that is being booked."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a cost of an order, and who bears it; `shared` with the payment, `returned` with refunds."""

    fen: Fen
    by: Bearer
    party_id: PartyId | None
    shared: Cause
    returned: Cause
    journaled: bool = False
    """Has its journal also where nothing moves: what came to nothing is told from what nobody looked at."""


def costs_of(terms: BookedTerms, *, fee: Fen, coupons: Fen, paid: bool = False) -> tuple[Cost, ...]:
    """The costs that a contract may give to somebody else than who was charged; `paid`: a payment with coupons."""
    return (
        Cost(
            fen=fee, by=terms.channel_fee_by, party_id=terms.channel_fee_party_id, shared=Cause.FEE_SHARED,
            returned=Cause.FEE_SHARE_RETURNED,
        ),
        Cost(
            fen=coupons, by=terms.coupons_by, party_id=terms.coupons_party_id, shared=Cause.COUPONS_SHARED,
            returned=Cause.COUPONS_SHARE_RETURNED, journaled=paid and terms.coupons_by is not Bearer.RESIDUAL,
        ),
    )  # fmt: skip


def share_steps(cost: Cost, *, sold: SoldOn) -> dict[PartyId, Fen]:
    """Each party's step from the share that it bears by the books to the one it should bear now; together nothing."""
    terms = sold.terms
    borne = sold.before.borne(cost.shared, cost.returned)
    # Who was charged stays so: the one to whom the others owe their parts.
    charged = next((party for party, fen in borne.items() if fen > 0), None)
    bearer = charged or terms.collector_party_id or terms.residual_party_id
    due = fee_shares(cost.fen, by=cost.by, party_id=cost.party_id, held=sold.held, residual=bearer)
    borne.pop(bearer, None)
    # What a party bears stands on its account as less owed: -share.
    steps = {
        party: Fen(-due.get(party, 0) - borne.get(party, 0)) for party in sorted(due.keys() | borne.keys())
    }
    moved = {party: step for party, step in steps.items() if step}
    return moved | {bearer: Fen(-sum(moved.values()))} if moved else {}


def draft_of_shares(
    steps: Mapping[PartyId, Fen], cost: Cost, *, terms: BookedTerms, shape: Movement, draft: Draft
) -> Draft:
    """The steps as a journal of their own, of the same moment as `draft`."""
    cause = cost.shared if shape.refund_id is None else cost.returned
    against = clearing_account(store_id=shape.store_id, contract_id=terms.contract_id)
    movements = [
        msgspec.structs.replace(
            shape, cause=cause, amount_fen=fen, party_id=party, against=against,
            account=payable_account(party, store_id=shape.store_id, contract_id=terms.contract_id),
        )
        for party, fen in steps.items()
    ]  # fmt: skip
    return msgspec.structs.replace(draft, cause=cause, movements=movements)
