"""An order's discounts as steps: line by line, by who pays for them. Pure.

What a promotion took off a line is its funders', as the line's terms say; what no terms share (and what was taken off beside the
promotion) is a lower price of the seller's, and stands without a party. The steps add up to the order's discount.
"""

from collections.abc import Iterator, Mapping

from orders.funding import funded
from orders.order_facts import LineFacts, OrderFacts
from settlement.money.views import MoneyStepView, StepKind
from settlement.posting.post_terms import BookedTerms
from settlement.views import PartyView
from tenants.kernel.ids import PartyId, TermsId
from tenants.kernel.money import Fen


def discounts(
    facts: OrderFacts, terms: Mapping[TermsId, BookedTerms], *, people: Mapping[PartyId, PartyView]
) -> list[MoneyStepView]:
    """A step for each line and funder, as the line was sold; none for lines without a discount."""
    return [
        step
        for line in facts.lines
        for step in _of_line(
            facts, line, terms=terms.get(line.terms_id) if line.terms_id else None, people=people
        )
    ]


def _of_line(
    facts: OrderFacts, line: LineFacts, *, terms: BookedTerms | None, people: Mapping[PartyId, PartyView]
) -> Iterator[MoneyStepView]:
    evidence = [number for number in (line.promotion_code, facts.order_no, facts.external_no) if number]
    shared: dict[PartyId, Fen] = {}
    if terms is not None and terms.funding is not None:
        shared = funded(line.promoted_fen, sold=1, kept=1, funding=terms.funding)
    for party_id, fen in shared.items():
        if fen:
            yield _step(line, Fen(-fen), terms=terms, party=people[party_id], evidence=evidence)
    rest = line.off_fen - sum(shared.values())
    if rest:
        yield _step(line, Fen(-rest), terms=terms, party=None, evidence=evidence)


def _step(
    line: LineFacts,
    amount: Fen,
    *,
    terms: BookedTerms | None,
    party: PartyView | None,
    evidence: list[str],
) -> MoneyStepView:
    return MoneyStepView(
        kind=StepKind.DISCOUNT, cause=None, amount_fen=amount, party=party, line_no=line.line_no,
        sku_code=line.sku_code, evidence=evidence,
        order_line_id=line.line_id, terms_id=line.terms_id, contract_id=terms.contract_id if terms else None,
    )  # fmt: skip
