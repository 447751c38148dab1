"""Logging shoppers in through the mini-program platform: `tenants.ports.IdentityProvider`.

A login code works once, so a lost answer is not asked again: the second try could only be told that the code was used.
"""

import asyncio

import httpx
import msgspec
import structlog

from storefront.adapters.outbound import quiet_http_logs
from storefront.adapters.wechat_mini.messages import Session
from tenants.errors import IdentityUnavailable, LoginCodeRefused
from tenants.ports import ShopperIdentity

ANSWER_SECONDS = 4.0
LONGEST_CODE = 128
CODE_REFUSED = frozenset({40029, 40163, 40226, 41008})
"""Bad or expired code, used code, an account WeChat blocks as risky, no code. Everything else is WeChat away or our settings wrong."""

_log = structlog.get_logger()


class WechatMiniLogin:
    """code2session of one mini-program."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        appid: str,
        secret: str,
        base_url: str,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        # The secret travels in the query string, which httpx would log.
        quiet_http_logs()
        self._http = http
        self._appid = appid
        self._secret = secret
        self._url = base_url.rstrip("/") + "/sns/jscode2session"
        self._answer_seconds = answer_seconds

    def __repr__(self) -> str:
        return f"WechatMiniLogin(appid={self._appid!r})"

    async def identify(self, code: str) -> ShopperIdentity:
        """Exchange a one-use code; raises LoginCodeRefused or IdentityUnavailable."""
        if not 1 <= len(code) <= LONGEST_CODE or not code.isascii() or not code.isprintable():
            raise LoginCodeRefused
        session = await self._session(code)
        if session.errcode in CODE_REFUSED:
            raise LoginCodeRefused(errcode=session.errcode)
        if session.errcode or not session.openid:
            _log.warning("wechat_mini.login_unavailable", appid=self._appid, errcode=session.errcode)
            raise IdentityUnavailable(errcode=session.errcode)
        return ShopperIdentity(openid=session.openid, unionid=session.unionid or None)

    async def _session(self, code: str) -> Session:
        query = {
            "appid": self._appid,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        try:
            async with asyncio.timeout(self._answer_seconds):
                response = await self._http.get(self._url, params=query, follow_redirects=False)
            # Not raise_for_status: that error's text quotes the address, and the address holds the secret.
            if not response.is_success:
                raise IdentityUnavailable(status=response.status_code)
            # WeChat says text/plain; only the status and the body count.
            return msgspec.json.decode(response.content, type=Session)
        except (httpx.RequestError, TimeoutError, msgspec.MsgspecError) as error:
            raise IdentityUnavailable(reason=type(error).__name__) from error
