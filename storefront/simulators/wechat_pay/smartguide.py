"""Payment-as-service (支付即服务): guides' cards, and their assignment to payments, which shows only what came before payment."""

from collections.abc import Callable

from storefront.simulators.records import Assignment, GuideCard, Merchant
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import envelope
from storefront.simulators.wechat_pay.refusals import GatewayRefusal
from storefront.simulators.wechat_pay.split_messages import AssignGuide, ChangeGuide, RegisterGuide

Opened = Callable[[str], str]
"""Decrypts a field of the request, or refuses it."""
PAGE = 20


def register(simulation: Simulation, merchant: Merchant, *, body: RegisterGuide, opened: Opened) -> GuideCard:
    """Register a guide; the same store and userid answer the same guide."""
    for known in simulation.state.guides.values():
        if (known.mchid, known.sub_mchid, known.store_id, known.userid) == (
            merchant.mchid, body.sub_mchid, body.store_id, body.userid,
        ):  # fmt: skip
            return known
    made = GuideCard(
        guide_id="LLA3WJ6DSZUfiaZ" + simulation.draw("guide")[:16],
        mchid=merchant.mchid,
        sub_mchid=body.sub_mchid,
        corpid=body.corpid,
        store_id=body.store_id,
        userid=body.userid,
        name=opened(body.name),
        mobile=opened(body.mobile),
        qr_code=body.qr_code,
        avatar=body.avatar,
        group_qrcode=body.group_qrcode,
    )
    simulation.state.guides[made.guide_id] = made
    return made


def find(simulation: Simulation, merchant: Merchant, *, guide_id: str, sub_mchid: str | None) -> GuideCard:
    """Find the merchant's own guide."""
    found = simulation.state.guides.get(guide_id)
    if found is None or (found.mchid, found.sub_mchid) != (merchant.mchid, sub_mchid):
        raise GatewayRefusal(400, "PARAM_ERROR", message="服务人员ID不存在")
    return found


def change(found: GuideCard, body: ChangeGuide, *, opened: Opened) -> None:
    """Change what was given."""
    found.name = opened(body.name) if body.name is not None else found.name
    found.mobile = opened(body.mobile) if body.mobile is not None else found.mobile
    found.qr_code = body.qr_code or found.qr_code
    found.avatar = body.avatar or found.avatar
    found.group_qrcode = body.group_qrcode or found.group_qrcode


def assign(simulation: Simulation, merchant: Merchant, *, found: GuideCard, body: AssignGuide) -> None:
    """Assign to a payment number. After payment this is accepted all the same, and no card appears."""
    payment = simulation.state.payments.get(f"{merchant.mchid}/{body.out_trade_no}")
    simulation.state.assignments.append(
        Assignment(
            guide_id=found.guide_id,
            mchid=merchant.mchid,
            out_trade_no=body.out_trade_no,
            at=simulation.clock.now(),
            card_shown=payment is None or payment.paid_at is None,
        )
    )


def listed(simulation: Simulation, merchant: Merchant, *, query: dict[str, str]) -> dict[str, object]:
    """List guides of a store, names and mobiles encrypted for the merchant."""
    if not query.get("store_id", "").isdecimal():
        raise GatewayRefusal(400, "PARAM_ERROR", message="store_id必填")
    limit, offset = int(query.get("limit", PAGE)), int(query.get("offset", 0))
    own = [
        each
        for each in simulation.state.guides.values()
        if (each.mchid, each.sub_mchid) == (merchant.mchid, query.get("sub_mchid"))
        and each.store_id == int(query["store_id"])
        and query.get("userid") in {None, each.userid}
    ]
    rows = [
        {
            "guide_id": each.guide_id,
            "store_id": each.store_id,
            "name": envelope.seal_field(merchant, each.name),
            "userid": each.userid,
            "mobile": envelope.seal_field(merchant, each.mobile),
        }
        for each in own[offset : offset + limit]
    ]
    return {"data": rows, "total_count": len(own), "limit": limit, "offset": offset}
