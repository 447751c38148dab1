"""The names that are printed on a statement, frozen when it is written: brand, party, stores and contracts as they were called then.

Stores are renamed, moved and renumbered, brands and people renamed; a statement that was signed must not change by it. So its names are
kept with it, and its files are made from those and from the ledger alone.
"""

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import select

from settlement.agreements.agreed import Invoice
from settlement.models import Contract, LedgerAccount, Statement
from settlement.queries import parties
from settlement.sheets.tax import TaxTerms
from settlement.states import AccountKind, PartyKind
from tenants.kernel.ids import ContractId, PartyId, StatementId, StoreId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading
from tenants.queries import find_tenant, store_codes, store_names


class StatementNames(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a statement beside figures."""

    brand: str
    party: str
    stores: dict[StoreId, tuple[str, str]]
    """Code and name."""
    time_zone: str | None = None
    """Where its moments are told. A statement from before this was kept says them in UTC, as its files always did."""

    def store_code(self, store_id: StoreId) -> str:
        """What the store was called in files then."""
        return self.stores[store_id][0]

    def store_name(self, store_id: StoreId) -> str:
        """Its name then."""
        return self.stores[store_id][1]


async def names_now(db: Reading) -> dict[PartyId, dict[str, Any]]:
    """For every party, the names as they are now, as they will be kept: of all stores at which it has an account."""
    people = await parties(db)
    accounts = (
        select(LedgerAccount.party_id, LedgerAccount.store_id)
        .where(
            LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.kind == AccountKind.PAYABLE,
            LedgerAccount.store_id.is_not(None),
        )
        .distinct()
    )  # fmt: skip
    stores: dict[PartyId, set[StoreId]] = defaultdict(set)
    for row in await db.execute(accounts):
        stores[PartyId(row.party_id)].add(StoreId(row.store_id))
    time_zone = (await find_tenant(db)).time_zone
    every = sorted(set().union(*stores.values()))
    codes, called = await store_codes(db, every), await store_names(db, every)
    # The brand's party was named when its books were opened; that is the name its contracts were made under.
    brand = next((party.name for party in people.values() if party.kind is PartyKind.BRAND), "")
    return {
        party_id: {
            "brand": brand,
            "party": party.name,
            "time_zone": time_zone,
            "stores": {str(store): [codes[store], called[store]] for store in sorted(stores[party_id])},
        }
        for party_id, party in people.items()
    }


async def names_of(db: Reading, statement_id: StatementId) -> StatementNames:
    """The names that a statement was written with; one from before names were kept gets today's."""
    found = select(Statement.names, Statement.party_id).where(
        Statement.tenant_id == db.tenant_id, Statement.id == statement_id
    )
    row = (await db.execute(found)).one()
    if row.names:
        return msgspec.convert(row.names, StatementNames)
    kept = (await names_now(db))[PartyId(row.party_id)]
    return msgspec.convert({**kept, "time_zone": None}, StatementNames)


async def tax_terms(db: Reading) -> dict[ContractId, TaxTerms]:
    """What each version of each contract says of tax; versions are never edited."""
    found = select(Contract.id, Contract.tax_bps, Contract.invoice).where(Contract.tenant_id == db.tenant_id)
    return {
        ContractId(row.id): TaxTerms(rate_bps=Bps(row.tax_bps), invoice=Invoice(row.invoice))
        for row in await db.execute(found)
    }
