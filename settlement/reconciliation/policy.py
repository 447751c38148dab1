"""What a tenant has settled about reconciliation: `settings.reconciliation`."""

import msgspec

from tenants.kernel.scope import Reading
from tenants.queries import tenant_settings


class ReconciliationPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether yesterday's files are fetched by themselves."""

    fetch_bills: bool = True


async def reconciliation_policy(db: Reading) -> ReconciliationPolicy:
    """The tenant's policy; what it has not settled is the default."""
    return msgspec.convert((await tenant_settings(db)).get("reconciliation", {}), ReconciliationPolicy)
