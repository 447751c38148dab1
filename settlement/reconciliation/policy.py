"""What a tenant has settled about reconciliation: `settings.reconciliation`."""

from typing import Literal

import msgspec

from tenants.kernel.scope import Reading
from tenants.queries import tenant_settings


class ReconciliationPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether yesterday's files are fetched by themselves, and what needs a person."""

    fetch_bills: bool = True
    own_movements: Literal["explained", "listed"] = "explained"
    """Deposits and withdrawals of the merchant itself: a person says why each happened, or they are told and need nobody."""


async def reconciliation_policy(db: Reading) -> ReconciliationPolicy:
    """The tenant's policy; what it has not settled is the default."""
    return msgspec.convert((await tenant_settings(db)).get("reconciliation", {}), ReconciliationPolicy)
