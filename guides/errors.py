"""Every way the guides' package can say no."""

from tenants.kernel.errors import Conflict, Invalid, NotFound


class GuideNotFound(NotFound):
    """There is no such guide."""

    zh = "导购不存在"


class GuideCodeTaken(Conflict):
    """A guide with this code exists."""

    zh = "导购代码已存在"


class GuideNotHere(Conflict):
    """This guide does not work at this store right now."""

    zh = "该导购当前不在此门店"


class SceneNotFound(NotFound):
    """This code leads nowhere."""

    zh = "该小程序码无效"


class SceneExpired(Conflict):
    """This code is no longer valid."""

    zh = "该小程序码已失效"


class SceneNeedsPlace(Invalid):
    """A guide's code needs a guide, a store's code a store; both must exist and belong together."""

    zh = "导购码需指定导购，门店码需指定门店"


class PlanOverlaps(Conflict):
    """Another commission plan of this level begins at the same time or later."""

    zh = "同一层级已有同时或更晚开始的提成方案"


class PlanRatesRepeat(Invalid):
    """A plan names each category once."""

    zh = "同一方案内类目不可重复"
