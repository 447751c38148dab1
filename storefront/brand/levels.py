"""How a route names a level of the brand -> group -> store path, and who may change which."""

from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

from storefront.errors import RoleNotAllowed
from storefront.tokens import Principal
from tenants.errors import LevelUnknown
from tenants.kernel.ids import LevelId, TenantId
from tenants.levels import Level
from tenants.states import StaffRole

LevelRef = Annotated[
    UUID | None,
    QueryParameter(name="levelId", description="The group's or store's id; not needed for the brand."),
]
"""How a query names a level's id."""


def level_named(tenant_id: TenantId, *, level: Level, level_id: UUID | None) -> LevelId:
    """The id of the level that a request names; the brand's is the tenant's own and need not be given, the others must."""
    if level is Level.BRAND:
        return LevelId(tenant_id)
    if level_id is None or level_id == tenant_id:
        raise LevelUnknown
    return LevelId(level_id)


def check_own_level(principal: Principal, *, level: Level, level_id: LevelId) -> None:
    """A store manager may change only the own store's layer; headquarters everything."""
    if principal.role is StaffRole.STORE_MANAGER and (
        level is not Level.STORE or level_id != principal.store_id
    ):
        raise RoleNotAllowed
