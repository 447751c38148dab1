"""Movements on merchants' basic accounts, and the proof that no fen appears or is lost."""

from datetime import datetime

from storefront.simulators.records import Flow, Merchant
from storefront.simulators.state import Simulation


def book(
    simulation: Simulation,
    merchant: Merchant,
    *,
    amount: int,
    title: str,
    kind: str,
    number: str,
    at: datetime,
    voucher: str = "",
) -> None:
    """Write one movement (a signed amount of fen) and the balance after it; nothing is written for zero."""
    if amount == 0:
        return
    merchant.basic += amount
    simulation.state.flows.append(
        Flow(
            at=at,
            mchid=merchant.mchid,
            flow_id="7" + simulation.draw_digits("flow", 27),
            number=number,
            title=title,
            kind=kind,
            amount=amount,
            balance=merchant.basic,
            voucher=voucher,
        )
    )


def conservation(simulation: Simulation) -> dict[str, object]:
    """Add up where all money is, in fen. What came in must be somewhere, for all merchants together and on each account."""
    state = simulation.state
    payments = [each for each in state.payments.values() if each.paid_at is not None]
    merchants = list(state.merchants.values())
    came = {
        "paidFen": sum(each.settlement_total for each in payments),
        "depositedFen": sum(each.deposited for each in merchants),
    }
    stands = {
        "availableFen": sum(each.available for each in merchants),
        "frozenFen": sum(each.held for each in payments if each.profit_sharing),
        "unsettledFen": sum(each.held for each in payments if not each.profit_sharing),
        "inSplitsFen": sum(each.pending for each in payments),
        "feeFen": sum(each.fee for each in payments),
        "refundedFen": sum(each.settlement_refunded for each in payments),
        "personsFen": sum(state.persons_received.values()),
        "withdrawnFen": sum(each.withdrawn for each in merchants),
    }
    accounts = {each.mchid: each.basic == each.available + _underway(simulation, each) for each in merchants}
    amounts = [*came.values(), *stands.values(), *(each.held for each in payments)]
    balanced = sum(came.values()) == sum(stands.values()) and all(accounts.values()) and min(amounts) >= 0
    return {**came, **stands, "balanced": balanced}


def _underway(simulation: Simulation, merchant: Merchant) -> int:
    own = [each for each in simulation.state.payments.values() if each.payee == merchant.mchid]
    return sum(each.held + each.pending for each in own)
