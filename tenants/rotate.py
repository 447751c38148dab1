"""Re-encrypt a tenant's secrets under the current master key, in small transactions, while everything goes on.

Content and time of change stay as they are: readers may see either envelope, and both open while both master keys are in the ring.
Repeating it, or running it twice at once, changes nothing further.
"""

import msgspec
from sqlalchemy import select, update

from tenants.kernel.encryption import EnvelopeUnreadable, KeyRing
from tenants.kernel.scope import TenantScope, Writing
from tenants.models import Credential

AT_ONCE = 20
"""Envelopes a transaction: their rows are locked for milliseconds."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a round did: re-encrypted now, current already, and those that no master key opens (by name; the secret is lost)."""

    changed: int
    current: int
    unreadable: list[str]


async def rotate_credentials(tenant: TenantScope, *, keys: KeyRing, at_once: int = AT_ONCE) -> Rotated:
    """Re-encrypt every credential of the tenant that another master key has sealed."""
    changed, current, unreadable, after = 0, 0, list[str](), ""
    while True:
        async with tenant.writing() as db:
            names = await _names_after(db, after, at_once=at_once)
            for name in names:
                try:
                    moved = await _rotate(db, name, keys=keys)
                except EnvelopeUnreadable:
                    unreadable.append(name)
                    continue
                changed, current = changed + moved, current + (not moved)
        if len(names) < at_once:
            return Rotated(changed=changed, current=current, unreadable=unreadable)
        after = names[-1]


async def _names_after(db: Writing, after: str, *, at_once: int) -> list[str]:
    statement = (
        select(Credential.name)
        .where(Credential.tenant_id == db.tenant_id, Credential.name > after)
        .order_by(Credential.name)
        .limit(at_once)
    )
    return list((await db.execute(statement)).scalars())


async def _rotate(db: Writing, name: str, *, keys: KeyRing) -> bool:
    here = (Credential.tenant_id == db.tenant_id, Credential.name == name)
    # Locked before it is read: a key that is being replaced at this moment must not be overwritten with the one it replaces.
    locked = select(Credential.envelope).where(*here).with_for_update()
    envelope = (await db.execute(locked)).scalar_one_or_none()
    if envelope is None or _sealed_by(envelope, keys=keys) == keys.current:
        return False
    column = f"credentials.{name}"
    secret = keys.unseal(envelope, tenant_id=db.tenant_id, column=column)
    sealed = keys.seal(secret, tenant_id=db.tenant_id, column=column)
    await db.execute(update(Credential).where(*here).values(envelope=sealed))
    return True


def _sealed_by(envelope: bytes, *, keys: KeyRing) -> str | None:
    try:
        return keys.key_id(envelope)
    except (IndexError, UnicodeDecodeError):
        return None
