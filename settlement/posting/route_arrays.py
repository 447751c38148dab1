"""Routes as one array a column: how they travel to the statement that books the lines. Made once, they serve every chunk of a catch-up."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import ARRAY, BigInteger, Boolean, Date, Integer, String, bindparam, column, func
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from settlement.posting.history_routes import Route
from tenants.kernel.ids import ContractId, TenantId

_KIND_COLUMNS: dict[str, Any] = {"terms_id": PG_UUID, "store_id": PG_UUID, "source": String}
_ROUTE_COLUMNS: dict[str, Any] = {
    **_KIND_COLUMNS, "place": Integer, "time_zone": String,
    "party_id": PG_UUID, "contract_id": PG_UUID, "rate_bps": BigInteger, "of_paid": Boolean, "other_rates": String,
    "other_rates_of_paid": String,
    "against_id": PG_UUID, "account_id": PG_UUID, "opens_on": Date, "role": String, "sign": BigInteger,
    "of_discount": Boolean, "cut_off": Integer,
}  # fmt: skip


class RouteArrays(msgspec.Struct, frozen=True, kw_only=True):
    """Every way that a part of some lines takes, column by column."""

    codes: Mapping[ContractId, str]
    """The contracts they are of."""
    shared: bool
    """Whether some are of a discount."""
    columns: Mapping[str, Sequence[Any]]
    of_contract: Sequence[str]
    """Each route's contract code."""

    def values(self, opens: Mapping[str, date]) -> dict[str, Any]:
        """The values of `route_table`'s columns; `opens`: the first period that still takes entries, of contracts that closed one."""
        opens_on = [opens.get(code, date.min) for code in self.of_contract]
        return {f"route_{name}": array for name, array in {**self.columns, "opens_on": opens_on}.items()}


def route_table() -> Any:
    """The routes as a table that lines are joined with."""
    return _table(_ROUTE_COLUMNS, name="route")


def route_arrays(tenant_id: TenantId, routes: Iterable[Route]) -> RouteArrays:
    """Gather the routes' columns."""
    columns: dict[str, list[Any]] = {name: [] for name in _ROUTE_COLUMNS if name != "opens_on"}
    of_contract: list[str] = []
    codes: dict[ContractId, str] = {}
    shared = False
    for route in routes:
        row = msgspec.structs.asdict(route) | msgspec.structs.asdict(route.kind) | {
            "against_id": route.against.account_id(tenant_id), "account_id": route.account.account_id(tenant_id),
            "time_zone": route.terms.time_zone, "contract_id": route.terms.contract_id, "role": route.role.value,
            "sign": route.sign, "of_discount": route.of_discount, "cut_off": route.terms.cut_off_day,
        }  # fmt: skip
        for name, array in columns.items():
            array.append(row[name])
        of_contract.append(route.terms.contract_code)
        codes[route.terms.contract_id] = route.terms.contract_code
        shared = shared or route.of_discount
    return RouteArrays(codes=codes, shared=shared, columns=columns, of_contract=of_contract)


def _table(columns: Mapping[str, Any], *, name: str) -> Any:
    arrays = [bindparam(f"route_{each}", type_=ARRAY(kind)) for each, kind in columns.items()]
    found = (column(each, kind) for each, kind in columns.items())
    return func.unnest(*arrays).table_valued(*found).render_derived(name=name)


def kind_table() -> Any:
    """The kinds of lines that the routes are for: the same arrays, fewer columns."""
    return _table(_KIND_COLUMNS, name="kind")
