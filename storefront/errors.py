"""What the roof itself refuses, before any verb is asked: unreadable requests, missing log-ins, wrong audiences, limits.

Their kinds are the kernel's; the statuses that no kind has (401, 405, 413, 415, 429) are in the one table of `frame.py`.
"""

from tenants.kernel.errors import Broken, Forbidden, Invalid, NotFound, Refusal, Unavailable


class MalformedRequest(Invalid):
    """The request cannot be read: broken JSON, or a parameter of the wrong form."""

    zh = "请求无法解析"


class ValidationFailed(Invalid):
    """The request's content is not what this operation takes; see details."""

    zh = "请求内容不符合要求，详见 details"


class LoginRequired(Refusal):
    """Please log in first."""

    zh = "请先登录"


class TokenExpired(Refusal):
    """The access token has expired; refresh it and try again."""

    zh = "访问令牌已过期，请刷新后重试"


class AudienceNotAllowed(Forbidden):
    """This log-in is not meant for this part of the system."""

    zh = "当前登录身份不能使用此接口"


class RoleNotAllowed(Forbidden):
    """Your role may not do this."""

    zh = "当前角色没有此权限"


class RouteNotFound(NotFound):
    """There is no such address."""

    zh = "接口不存在"


class MethodNotAllowed(Refusal):
    """This address does not take this method."""

    zh = "不支持此请求方法"


class BodyTooLarge(Refusal):
    """The request body is too large."""

    zh = "请求体过大"


class MediaTypeNotSupported(Refusal):
    """Send the body as application/json in UTF-8."""

    zh = "请求体应为 UTF-8 编码的 application/json"


class TooManyAttempts(Refusal):
    """Too many attempts; wait a minute."""

    zh = "尝试次数过多，请稍后再试"


class StoreHeaderMissing(Invalid):
    """This request needs the header X-Store-Id."""

    zh = "缺少请求头 X-Store-Id"


class TenantNotNamed(Invalid):
    """Name the brand by X-Tenant-Id or X-Appid, or log in."""

    zh = "缺少租户标识（X-Tenant-Id 或 X-Appid）"


class LimitsUnavailable(Unavailable):
    """Log-in is closed for a moment because attempts cannot be counted."""

    zh = "登录暂时不可用，请稍后再试"


class NotReady(Unavailable):
    """This instance is not ready to serve."""

    zh = "服务尚未就绪"


class InternalError(Broken):
    """Something went wrong on our side; quote the requestId when you report it."""

    zh = "系统内部错误，反馈时请提供 requestId"


class CertificatesNotRenewed(Unavailable):
    """WeChat gave no platform certificates."""

    zh = "未能获取微信支付平台证书"
