"""Every way the ground floor can say no."""

from tenants.kernel.errors import Invalid, Unavailable


class LoginCodeRefused(Invalid):
    """The login code is wrong, expired or was used before; ask WeChat for a new one."""

    zh = "登录凭证无效、已过期或已被使用，请重新获取"


class IdentityUnavailable(Unavailable):
    """Logging in through WeChat is not possible right now; try again in a moment."""

    zh = "微信登录暂时不可用，请稍后再试"
