"""导购名片 (支付即服务): the number under which the payment channel knows a guide; it shows that guide's card after a payment.

A guide is registered at the store where they work and told of again when name, phone, picture or contact way change. The same guide
registered again answers the same number, so a lost answer is simply asked for again. A guide without a card never keeps anybody from paying.
"""

from datetime import datetime

import msgspec
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.commands import KeepCard
from guides.contacts.queries import find_member, live_way, store_of_guide
from guides.errors import CardFactsMissing, CardPending, CardRefused, GuideLeft
from guides.events import GuideChanged
from guides.models import GuideCard
from guides.ports import CardDesk, CardFacts, CardKept, Refused, Unknown
from guides.queries import cards_of, find_guide
from guides.views import CardView, GuideView
from tenants.audit import record_deed
from tenants.errors import MerchantNotFound
from tenants.kernel.ids import GuideId, MerchantId
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import merchant_of_store, merchants, store_facts


async def keep_card(
    db: Writing, command: KeepCard, *, guide_id: GuideId, actor: str, now: datetime
) -> GuideView:
    """Keep a guide's card number at a merchant, in place of an earlier one; raises GuideNotFound, MerchantNotFound."""
    guide = await find_guide(db, guide_id)
    known = await merchants(db)
    payee = next((each for each in known if command.merchant_id in {None, each.id}), None)
    if payee is None:
        raise MerchantNotFound(merchant_id=command.merchant_id)
    await _keep(db, guide_id, merchant_id=payee.id, card_no=command.card_no, now=now)
    await record_deed(db, actor=actor, action="keep_guide_card", subject_id=guide_id, now=now)
    return guide


async def register_card(
    tenant: TenantScope, guide_id: GuideId, *, desk: CardDesk, actor: str, now: datetime
) -> CardView:
    """Register a guide at the merchant of their store and keep the number.

    Raises GuideNotFound, GuideLeft, CardFactsMissing (naming what is missing), CardRefused, and CardPending: then ask again.
    """
    async with tenant.reading() as db:
        merchant_id, facts = await _card_facts(db, guide_id, at=now)
    answer = await desk.register(tenant, facts, merchant_id=merchant_id)
    card = _kept(answer, guide_id=guide_id)
    async with tenant.writing() as db:
        await _keep(db, guide_id, merchant_id=merchant_id, card_no=card.card_no, now=now)
        await record_deed(db, actor=actor, action="register_guide_card", subject_id=guide_id, now=now)
    return CardView(guide_id=guide_id, merchant_id=merchant_id, card_no=card.card_no, kept_at=now)


async def tell_cards(tenant: TenantScope, fact: GuideChanged, *, desk: CardDesk, now: datetime) -> None:
    """What is shown of a guide changed: tell every merchant that has a card of theirs; raises CardPending, and is run again.

    While something that a card needs is missing, the card keeps showing what it was told last.
    """
    async with tenant.reading() as db:
        cards = await cards_of(db, fact.guide_id)
        if not cards:
            return
        try:
            _, facts = await _card_facts(db, fact.guide_id, at=now)
        except (CardFactsMissing, GuideLeft):
            return
    for card in cards:
        answer = await desk.change(tenant, facts, merchant_id=card.merchant_id, card_no=card.card_no)
        _kept(answer, guide_id=fact.guide_id)


async def _card_facts(db: Reading, guide_id: GuideId, *, at: datetime) -> tuple[MerchantId, CardFacts]:
    member = await find_member(db, guide_id, at=at)
    if not member.works:
        raise GuideLeft(guide_id=guide_id)
    store_id = await store_of_guide(db, guide_id, at=at)
    store = None if store_id is None else (await store_facts(db, store_id)).store
    way = await live_way(db, guide_id)
    found = {
        "storeNo": store.wechat_store_no if store else None,
        "wecomUserid": member.member_no,
        "phone": member.phone,
        "contactWay": way.qr_code_url if way else None,
        "avatarUrl": member.avatar_url,
    }
    missing = {name: "missing" for name, value in found.items() if not value}
    if missing or store_id is None:
        raise CardFactsMissing(details=missing or {"storeNo": "missing"}, guide_id=guide_id)
    facts = msgspec.convert(
        {
            "store_no": found["storeNo"], "member_no": found["wecomUserid"], "name": member.name,
            "mobile": found["phone"], "qr_code_url": found["contactWay"], "avatar_url": found["avatarUrl"],
        },
        CardFacts,
    )  # fmt: skip
    return await merchant_of_store(db, store_id), facts


def _kept(answer: CardKept | Refused | Unknown, *, guide_id: GuideId) -> CardKept:
    if isinstance(answer, Unknown):
        raise CardPending(guide_id=guide_id, reason=answer.reason)
    if isinstance(answer, Refused):
        raise CardRefused(details={"wechat": f"{answer.code} {answer.message}"}, guide_id=guide_id)
    return answer


async def _keep(
    db: Writing, guide_id: GuideId, *, merchant_id: MerchantId, card_no: str, now: datetime
) -> None:
    row = upsert(GuideCard).values(
        tenant_id=db.tenant_id, guide_id=guide_id, merchant_id=merchant_id, card_no=card_no, kept_at=now
    )
    kept = row.on_conflict_do_update(
        index_elements=[GuideCard.tenant_id, GuideCard.guide_id, GuideCard.merchant_id],
        set_={"card_no": row.excluded.card_no, "kept_at": row.excluded.kept_at},
    )
    await db.execute(kept)
