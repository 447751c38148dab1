"""code2session: exchanges codes made by the control API, once each, within five minutes. Answers 200 whatever happens, as WeChat does."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from storefront.simulators.faults import FaultKind, hold_answer
from storefront.simulators.limits import LOGINS_OF_SHOPPER
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.records import LoginCode

CODE_LIVES = timedelta(minutes=5)
BUSY, BAD_APPID, BAD_CODE, BAD_SECRET, TOO_MANY = -1, 40013, 40029, 40125, 45011


def make_code(simulation: Simulation, *, appid: str, openid: str | None, unionid: str | None) -> str:
    """What wx.login gives to the front end, for this shopper (a new one when no openid is named)."""
    drawn = simulation.draw("login")
    simulation.state.codes[drawn[:32]] = LoginCode(
        appid, openid or f"o{drawn[32:59]}", unionid, simulation.clock.now() + CODE_LIVES
    )
    return drawn[:32]


def exchange(simulation: Simulation, query: dict[str, str]) -> dict[str, object]:
    """Use a code up."""
    app = simulation.state.apps.get(query.get("appid", ""))
    if app is None:
        return {"errcode": BAD_APPID, "errmsg": "invalid appid"}
    if query.get("secret") != app.secret:
        return {"errcode": BAD_SECRET, "errmsg": "invalid appsecret"}
    code = simulation.state.codes.get(query.get("js_code", ""))
    if code is None or code.appid != app.appid or query.get("grant_type") != "authorization_code":
        return {"errcode": BAD_CODE, "errmsg": "invalid code"}
    if simulation.calls_too_often((LOGINS_OF_SHOPPER, f"{app.appid}/{code.openid}")):
        return {"errcode": TOO_MANY, "errmsg": "api minute-quota reach limit"}
    del simulation.state.codes[query["js_code"]]
    simulation.save()
    if code.expires_at <= simulation.clock.now():
        return {"errcode": BAD_CODE, "errmsg": "invalid code"}
    found: dict[str, object] = {"openid": code.openid, "session_key": simulation.draw("session")[:24]}
    return found | ({"unionid": code.unionid} if code.unionid is not None else {})


def login_routes(simulation: Simulation, closing: asyncio.Event) -> list[HTTPRouteHandler]:
    """GET /sns/jscode2session."""

    @get("/sns/jscode2session")
    async def code_to_session(request: Request[Any, Any, Any]) -> Response[bytes]:
        fault = simulation.faults.take_call(request.url.path)
        kind = fault.kind if fault is not None else None
        if kind is FaultKind.BUSY:
            given: dict[str, object] = {"errcode": BUSY, "errmsg": "system busy"}
        elif kind is FaultKind.LIMITED:
            given = {"errcode": TOO_MANY, "errmsg": "api minute-quota reach limit"}
        else:
            given = exchange(simulation, dict(request.query_params.items()))
        await hold_answer(fault, closing)
        status = 500 if kind is FaultKind.ERROR_AFTER else 200
        return Response(msgspec.json.encode(given), status_code=status, media_type="text/plain")

    return [code_to_session]
