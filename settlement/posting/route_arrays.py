"""The routes of a chunk of history as one array a column: how they travel to the statement that books the lines."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, BigInteger, Boolean, Date, Integer, String, bindparam, column, func
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from settlement.posting.history_routes import Route
from tenants.kernel.ids import TenantId

ROUTE_COLUMNS: dict[str, Any] = {
    "terms_id": PG_UUID, "store_id": PG_UUID, "source": String, "place": Integer, "time_zone": String,
    "party_id": PG_UUID, "contract_id": PG_UUID, "rate_bps": BigInteger, "other_rates": String,
    "against_id": PG_UUID, "account_id": PG_UUID, "opens_on": Date, "role": String, "sign": BigInteger,
    "of_discount": Boolean, "cut_off": Integer,
}  # fmt: skip


def route_table() -> Any:
    """The routes as a table that lines are joined with."""
    arrays = [bindparam(f"route_{name}", type_=ARRAY(kind)) for name, kind in ROUTE_COLUMNS.items()]
    columns = (column(name, kind) for name, kind in ROUTE_COLUMNS.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="route")


def route_arrays(tenant_id: TenantId, routes: Sequence[Route]) -> dict[str, Any]:
    """The values of that table's columns."""
    arrays: dict[str, list[Any]] = {f"route_{name}": [] for name in ROUTE_COLUMNS}
    for route in routes:
        row = msgspec.structs.asdict(route) | msgspec.structs.asdict(route.kind) | {
            "against_id": route.against.account_id(tenant_id), "account_id": route.account.account_id(tenant_id),
            "time_zone": route.terms.time_zone, "contract_id": route.terms.contract_id, "role": route.role.value,
            "sign": route.sign, "of_discount": route.of_discount, "cut_off": route.terms.cut_off_day,
        }  # fmt: skip
        for name in ROUTE_COLUMNS:
            arrays[f"route_{name}"].append(row[name])
    return arrays
