"""Keep the number under which the payment channel knows a guide: it shows that guide's card after a payment it was named for."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as upsert

from guides.commands import KeepCard
from guides.models import GuideCard
from guides.queries import find_guide
from guides.views import GuideView
from tenants.audit import record_deed
from tenants.errors import MerchantNotFound
from tenants.kernel.ids import GuideId
from tenants.kernel.scope import Writing
from tenants.queries import merchants


async def keep_card(
    db: Writing, command: KeepCard, *, guide_id: GuideId, actor: str, now: datetime
) -> GuideView:
    """Keep a guide's card number at a merchant, in place of an earlier one; raises GuideNotFound, MerchantNotFound."""
    guide = await find_guide(db, guide_id)
    known = await merchants(db)
    payee = next((each for each in known if command.merchant_id in {None, each.id}), None)
    if payee is None:
        raise MerchantNotFound(merchant_id=command.merchant_id)
    row = upsert(GuideCard).values(
        tenant_id=db.tenant_id,
        guide_id=guide_id,
        merchant_id=payee.id,
        card_no=command.card_no,
        kept_at=now,
    )
    kept = row.on_conflict_do_update(
        index_elements=[GuideCard.tenant_id, GuideCard.guide_id, GuideCard.merchant_id],
        set_={"card_no": row.excluded.card_no, "kept_at": row.excluded.kept_at},
    )
    await db.execute(kept)
    await record_deed(db, actor=actor, action="keep_guide_card", subject_id=guide_id, now=now)
    return guide
