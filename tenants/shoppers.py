"""Meet a shopper: the person behind an openid, known from the first log-in on."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.kernel.ids import ShopperId, new_id
from tenants.kernel.scope import Writing
from tenants.models import Shopper
from tenants.ports import ShopperIdentity


async def meet_shopper(db: Writing, identity: ShopperIdentity, *, now: datetime) -> ShopperId:
    """Return the shopper of this identity, making one at the first meeting; a unionid learnt later is kept."""
    row = upsert(Shopper).values(
        tenant_id=db.tenant_id,
        id=ShopperId(new_id()),
        openid=identity.openid,
        unionid=identity.unionid,
        created_at=now,
    )
    met = await db.execute(
        row.on_conflict_do_update(
            index_elements=[Shopper.tenant_id, Shopper.openid],
            # coalesce is immutable: a log-in without a unionid does not forget the one we know.
            set_={"unionid": func.coalesce(row.excluded.unionid, Shopper.unionid)},
        ).returning(Shopper.id)
    )
    return ShopperId(met.scalar_one())
