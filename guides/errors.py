"""Every way the guides' package can say no."""

from tenants.kernel.errors import Conflict, Invalid, NotFound, Unavailable


class GuideNotFound(NotFound):
    """There is no such guide."""

    zh = "导购不存在"


class GuideCodeTaken(Conflict):
    """A guide with this code exists."""

    zh = "导购代码已存在"


class GuideNotHere(Conflict):
    """This guide does not work at this store right now."""

    zh = "该导购当前不在此门店"


class GuideLeft(Conflict):
    """This guide has left."""

    zh = "该导购已离职"


class TakerNotReady(Conflict):
    """The guide who takes over must be another one, be employed, and be known to WeCom where contacts move."""

    zh = "接替导购须为其他在职导购，涉及企业微信客户时须已绑定企业微信成员"


class GuideNotInWecom(Conflict):
    """This guide has no user id in WeCom."""

    zh = "该导购未绑定企业微信成员"


class ContactWayRefused(Conflict):
    """WeCom will not make a contact way for this guide."""

    zh = "企业微信拒绝为该导购创建「联系我」"


class ContactWayPending(Unavailable):
    """WeCom has not answered yet; ask again in a moment."""

    zh = "企业微信暂未响应，请稍后重试"


class ContactsUnread(Unavailable):
    """WeCom did not say how the contact stands; it is asked again."""

    zh = "企业微信未返回客户信息，稍后将再次查询"


class MovesPending(Unavailable):
    """WeCom has not said what became of moved contacts, and a person must look."""

    zh = "企业微信客户转接结果未知，需人工处理"


class CardFactsMissing(Conflict):
    """A guide's card needs a WeCom user id, a phone, a picture, a contact way, and a store that WeChat has a number for."""

    zh = "登记导购名片需要企业微信成员、手机号、头像、「联系我」二维码以及门店的微信编号"


class CardRefused(Conflict):
    """WeChat Pay will not register this guide."""

    zh = "微信支付拒绝登记该导购"


class CardPending(Unavailable):
    """WeChat Pay has not answered yet; ask again in a moment."""

    zh = "微信支付暂未响应，请稍后重试"


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
