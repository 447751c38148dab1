"""Every way the ground floor can say no."""

from tenants.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable


class LoginCodeRefused(Invalid):
    """The login code is wrong, expired or was used before; ask WeChat for a new one."""

    zh = "登录凭证无效、已过期或已被使用，请重新获取"


class IdentityUnavailable(Unavailable):
    """Logging in through WeChat is not possible right now; try again in a moment."""

    zh = "微信登录暂时不可用，请稍后再试"


class TenantNotFound(NotFound):
    """There is no such brand."""

    zh = "品牌不存在"


class TenantSuspended(Forbidden):
    """This brand is suspended; ask the platform."""

    zh = "品牌已停用，请联系平台"


class LogInRefused(Forbidden):
    """The log-in name or the password is wrong."""

    zh = "账号或密码错误"


class SessionEnded(Forbidden):
    """This session has ended; log in again."""

    zh = "会话已结束，请重新登录"


class JobNotParked(NotFound):
    """No such job is parked."""

    zh = "没有该待处理任务"


class TenantCodeTaken(Conflict):
    """This tenant code is taken."""

    zh = "租户代码已被占用"


class AppidTaken(Conflict):
    """This appid belongs to another brand."""

    zh = "该 appid 已被其他品牌使用"


class StoreNotFound(NotFound):
    """There is no such store."""

    zh = "门店不存在"


class StoreCodeTaken(Conflict):
    """A store with this code exists."""

    zh = "门店代码已存在"


class FlagshipTaken(Conflict):
    """Another store is the flagship already."""

    zh = "已有其他旗舰店"


class StoreNotSelling(Conflict):
    """This store does not sell right now: it is closed, not open yet, or its time is over."""

    zh = "该门店当前不营业或已结束营业"


class StoreGroupNotFound(NotFound):
    """There is no such store group."""

    zh = "门店分组不存在"


class MallNotFound(NotFound):
    """There is no such mall."""

    zh = "商场不存在"


class MerchantNotFound(NotFound):
    """There is no such merchant number."""

    zh = "收款商户不存在"


class MerchantKeyUnreadable(Invalid):
    """A merchant key is not a valid PEM key."""

    zh = "商户密钥不是有效的 PEM"


class MerchantNotReady(Unavailable):
    """The brand's payment keys are incomplete; payments are not possible yet."""

    zh = "品牌的支付密钥不完整，暂时无法支付"


class PartnerAppidForeign(Invalid):
    """Shoppers are known to the brand's own mini-program: it must be the partner's sub-appid, or the partner's own."""

    zh = "服务商的子商户应用或服务商应用必须是品牌自己的小程序"


class StaffNotFound(NotFound):
    """There is no such staff member."""

    zh = "员工不存在"


class StaffLoginTaken(Conflict):
    """This log-in name is taken."""

    zh = "登录名已被占用"


class StaffRoleNeedsStore(Invalid):
    """A store manager or guide belongs to a store, a mall accountant to a mall, and the others to neither."""

    zh = "店长与导购必须属于门店，商场财务必须属于商场，其他角色不可指定"


class HoursUnreadable(Invalid):
    """These opening hours hold a time or a date that does not exist."""

    zh = "营业时间格式有误"


class TimeZoneUnknown(Invalid):
    """There is no such time zone."""

    zh = "时区不存在"


class LevelUnknown(NotFound):
    """There is no such brand, store group or store to change."""

    zh = "层级不存在"


class ShopperNotFound(NotFound):
    """There is no such shopper."""

    zh = "顾客不存在"


class OperatorLoginTaken(Conflict):
    """An operator with this log-in name exists."""

    zh = "平台账号已存在"


class StoreTimesReversed(Invalid):
    """A store must begin before it ends."""

    zh = "门店的开始时间必须早于结束时间"
