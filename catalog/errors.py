"""Every way the catalogue can say no."""

from tenants.kernel.errors import Conflict, Invalid, NotFound


class ProductNotFound(NotFound):
    """There is no such product."""

    zh = "商品不存在"


class SkuNotFound(NotFound):
    """There is no such unit of sale."""

    zh = "商品规格不存在"


class BarcodeUnknown(NotFound):
    """No product has this barcode."""

    zh = "没有商品使用该条码"


class CategoryNotFound(NotFound):
    """There is no such category."""

    zh = "类目不存在"


class PageNotFound(NotFound):
    """There is no such page, or no such version of it."""

    zh = "页面或该页面版本不存在"


class NotRangedHere(Conflict):
    """This store does not carry the product."""

    zh = "本店不销售该商品"


class SoldOut(Conflict):
    """Not enough units are left."""

    zh = "库存不足"


class PageEditedMeanwhile(Conflict):
    """Somebody else has saved this page since; load it again."""

    zh = "页面已被他人修改，请重新载入"


class PageStateForbids(Conflict):
    """A page version in this state cannot go there."""

    zh = "页面版本的当前状态不允许此操作"


class PageInvalid(Invalid):
    """The page's content cannot be shown as it is."""

    zh = "页面内容有误"


class PublishTimePassed(Invalid):
    """A page can only be scheduled for a time to come."""

    zh = "定时发布的时间必须晚于现在"


class PricePeriodEmpty(Invalid):
    """A price must begin before it ends."""

    zh = "价格的开始时间必须早于结束时间"
