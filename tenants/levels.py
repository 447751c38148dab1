"""The three layers that a store's face is resolved through: brand, store group, store.

An override is stored at one level under that level's id (the brand's is the tenant's own id); the most specific level that has a
row wins, so a change at the brand touches no store's row. Pure.
"""

from enum import StrEnum

import msgspec

from tenants.kernel.ids import LevelId, StoreGroupId, StoreId, TenantId


class Level(StrEnum):
    """Where an override is stored."""

    BRAND = "brand"
    """For every store of the tenant."""
    GROUP = "group"
    """For the stores of one group (a region, a format)."""
    STORE = "store"
    """For one store."""


class LevelPath(msgspec.Struct, frozen=True):
    """The level ids that apply to one store, least specific first."""

    brand: LevelId
    group: LevelId | None = None
    store: LevelId | None = None

    def ids(self) -> list[LevelId]:
        """The ids from brand to store."""
        return [level_id for level_id in (self.brand, self.group, self.store) if level_id is not None]

    def rank(self, level_id: LevelId) -> int:
        """How specific a level id is on this path (0 = brand); ValueError when it is not on it."""
        return self.ids().index(level_id)


def path_of(
    tenant_id: TenantId, *, group_id: StoreGroupId | None = None, store_id: StoreId | None = None
) -> LevelPath:
    """The path of a store (or of the flagship face, when there is none)."""
    return LevelPath(
        LevelId(tenant_id), LevelId(group_id) if group_id else None, LevelId(store_id) if store_id else None
    )
