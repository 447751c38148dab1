"""A brand's shelves for tests: stores with groups, products, and what each level says about them, written as rows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from catalog.models import AssortmentRow, Category, Price, Sku, Spu, Stock
from catalog.search import index_again
from tenants.kernel.ids import CategoryId, LevelId, SkuId, SpuId, StoreGroupId, StoreId, new_id
from tenants.kernel.scope import Writing
from tenants.levels import Level, LevelPath, path_of
from tenants.models import Store, StoreGroup

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    """A store and its path."""

    id: StoreId
    path: LevelPath


@dataclass(frozen=True)
class Product:
    """A product and its units."""

    id: SpuId
    skus: list[SkuId] = field(default_factory=list)

    @property
    def sku(self) -> SkuId:
        """Its only unit."""
        return self.skus[0]


async def add_group(db: Writing, name: str = "华东") -> StoreGroupId:
    """A store group."""
    group = StoreGroup(tenant_id=db.tenant_id, id=new_id(), code=str(new_id()), name=name)
    db.add(group)
    await db.flush()
    return StoreGroupId(group.id)


async def add_store(
    db: Writing, name: str = "淮海路店", *, group: StoreGroupId | None = None, **columns: object
) -> Shop:
    """A store in Shanghai."""
    row = {"code": str(new_id()), "time_zone": "Asia/Shanghai", "created_at": LONG_AGO} | columns
    store = Store(tenant_id=db.tenant_id, id=new_id(), name=name, group_id=group, **row)
    db.add(store)
    await db.flush()
    return Shop(StoreId(store.id), path_of(db.tenant_id, group_id=group, store_id=StoreId(store.id)))


async def add_category(db: Writing, code: str, *, parent: CategoryId | None = None) -> CategoryId:
    """A category that is called as its code."""
    category = Category(tenant_id=db.tenant_id, id=new_id(), code=code, name=code, parent_id=parent)
    db.add(category)
    await db.flush()
    return CategoryId(category.id)


async def add_product(
    db: Writing,
    title: str = "女士风衣",
    *,
    sizes: tuple[str, ...] = ("M",),
    barcode: str | None = None,
    **columns: object,
) -> Product:
    """A product with one unit a size; no level says anything about it yet."""
    row = {"code": str(new_id()), "created_at": LONG_AGO, "updated_at": LONG_AGO} | columns
    spu = Spu(tenant_id=db.tenant_id, id=new_id(), title=title, **row)
    db.add(spu)
    await db.flush()
    skus = [
        Sku(
            tenant_id=db.tenant_id, id=new_id(), spu_id=spu.id, code=str(new_id()), barcode=barcode, position=at,
            specs=[{"name": "尺码", "value": size}],
        )
        for at, size in enumerate(sizes)
    ]  # fmt: skip
    db.add_all(skus)
    await db.flush()
    await index_again(db, [SpuId(spu.id)])
    return Product(SpuId(spu.id), [SkuId(sku.id) for sku in skus])


async def say(
    db: Writing,
    sku_id: UUID,
    level_id: UUID | None = None,
    *,
    level: Level | None = None,
    listed: bool | None = None,
    price: int | None = None,
    line_price: int | None = None,
    since: datetime = LONG_AGO,
    until: datetime | None = None,
    stock: int | None = None,
    reserved: int = 0,
) -> None:
    """Let one level (the brand, when none is named) say something about a SKU."""
    level_id = level_id or db.tenant_id
    at = {"tenant_id": db.tenant_id, "sku_id": sku_id, "level_id": level_id}
    at["level"] = level or (Level.BRAND if level_id == db.tenant_id else Level.STORE)
    if listed is not None:
        db.add(AssortmentRow(**at, listed=listed))
    if price is not None:
        db.add(Price(**at, price_fen=price, line_price_fen=line_price, active_from=since, active_to=until))
    if stock is not None:
        db.add(Stock(**at, on_hand=stock, reserved=reserved))
    await db.flush()


async def sell(db: Writing, product: Product, *, price: int = 59900, stock: int = 10) -> Product:
    """Carry, price and stock a product brand-wide."""
    for sku_id in product.skus:
        await say(db, sku_id, listed=True, price=price, stock=stock)
    return product


def level_of(store: Shop) -> LevelId:
    """The store's own level."""
    return LevelId(store.id)
