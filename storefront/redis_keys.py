"""The one place where a Redis key is written.

No key without a tenant and a hash tag, so that no cache can show a neighbour's
row and all keys of one tenant's command live in one slot. Redis holds nothing that must be true.
"""

from typing import Final
from uuid import UUID

from tenants.kernel.ids import TenantId

PLATFORM: Final = TenantId(UUID(int=0))
"""Stands where a tenant stands, for the few counters that belong to the platform itself (operators' log-ins)."""


def redis_key(tenant_id: TenantId, purpose: str, *, tag: str) -> str:
    """Write the key for `purpose` about `tag` (who or what is counted or kept) of one tenant."""
    if not isinstance(tenant_id, UUID):
        raise TypeError("a tenant is named by a uuid.UUID")
    if not purpose or not tag or "{" in purpose + tag or "}" in purpose + tag:
        raise ValueError("a key needs a purpose and a tag, both without braces")
    return f"storefront:{{{tenant_id}}}:{purpose}:{tag}"
