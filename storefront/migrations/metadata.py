"""Every table there is, by importing every module that declares one; migrations and the schema lints read it from here."""

import importlib
import importlib.util

from sqlalchemy import MetaData

from tenants.kernel.tables import Base

MODEL_MODULES = (
    "tenants.kernel.idempotency",
    "tenants.kernel.outbox",
    "tenants.models",
    "catalog.models",
    "guides.models",
    "guides.contacts.models",
    "orders.models",
    "settlement.models",
    "settlement.agreements.promotion_models",
    "settlement.agreements.models",
    "settlement.splitting.models",
    "settlement.signing.models",
    "settlement.disputes.models",
    "settlement.payouts.models",
    "settlement.reconciliation.models",
)


def full_metadata() -> MetaData:
    """The metadata with all tables in it."""
    for module in MODEL_MODULES:
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    return Base.metadata
