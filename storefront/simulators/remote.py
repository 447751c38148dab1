"""A client of the control API, for tests, the demonstration and scripts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import msgspec

from storefront.simulators.control import RegisteredMerchant
from storefront.simulators.faults import FaultKind

ANSWER_SECONDS = 120.0
"""Advancing the clock waits for every callback that became due."""


class SimulatorRefused(Exception):
    """The control API said no: its frame's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class SimulatorControl:
    """Talks to a simulator at `url`; `http` belongs to the caller."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url.rstrip("/")
        self._http = http

    async def register_merchant(
        self,
        *,
        mchid: str,
        appid: str,
        public_key: str,
        certificate_serial: str,
        api_v3_key: str,
        **options: int | bool | str | None,
    ) -> RegisteredMerchant:
        """Open a merchant; options: fee_bps, refund_seconds, settle_seconds (business time), legal_name, and the others of `merchants`."""
        body = {
            "mchid": mchid,
            "appid": appid,
            "publicKey": public_key,
            "certificateSerial": certificate_serial,
            "apiV3Key": api_v3_key,
        }
        given = await self._post("merchants", {**body, **_camel(options)})
        return msgspec.convert(given, RegisteredMerchant)

    async def register_app(self, *, appid: str, secret: str, **options: object) -> None:
        """Open a mini-program; options: trade_managed, pages, push_url, push_token."""
        await self._post("apps", {"appid": appid, "secret": secret} | _camel(options))

    async def login_code(self, *, appid: str, openid: str | None = None, unionid: str | None = None) -> str:
        """Make what wx.login gives the front end."""
        code = (await self._post("logins", {"appid": appid, "openid": openid, "unionid": unionid}))["code"]
        return str(code)

    async def pay(
        self,
        *,
        prepay_id: str | None = None,
        payment_no: str | None = None,
        mchid: str | None = None,
        openid: str | None = None,
        wait: bool = True,
        coupons: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Pay; with `wait` the callback's first attempt is over when this returns."""
        body = {"prepayId": prepay_id, "outTradeNo": payment_no, "mchid": mchid, "openid": openid}
        return await self._post("pay", body | {"wait": wait, "coupons": coupons or []})

    async def advance(self, seconds: float) -> datetime:
        """Move business time, deliver what became due, and return the new time."""
        return datetime.fromisoformat((await self._post("clock/advance", {"seconds": seconds}))["now"])

    async def plan_fault(
        self, kind: FaultKind, *, path: str = "*", times: int = 1, seconds: float = 30.0
    ) -> None:
        """Make the next `times` calls (or callbacks) that match the glob go wrong."""
        await self._post("faults", {"kind": kind.value, "path": path, "times": times, "seconds": seconds})

    async def withdraw(self, *, mchid: str, amount_fen: int) -> None:
        """Take available money out."""
        await self._post("withdrawals", {"mchid": mchid, "amountFen": amount_fen})

    async def command(self, path: str, **fields: object) -> dict[str, Any]:
        """Give any command of the control API, fields in snake_case."""
        return await self._post(path, _camel(fields))

    async def look(self, path: str) -> Any:
        """Take any look the control API offers."""
        return _opened(await self._http.get(f"{self.url}/simulator/{path}"))

    async def books(self) -> dict[str, Any]:
        """Read the books."""
        return dict(_opened(await self._http.get(f"{self.url}/simulator/books")))

    async def callbacks(self) -> list[dict[str, Any]]:
        """Read the callbacks."""
        return list(_opened(await self._http.get(f"{self.url}/simulator/callbacks")))

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.post(
            f"{self.url}/simulator/{path}", content=msgspec.json.encode(body), timeout=ANSWER_SECONDS
        )
        return dict(_opened(response))


def _camel(options: Mapping[str, object]) -> dict[str, object]:
    def camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    return {camel(name): value for name, value in options.items()}


def _opened(response: httpx.Response) -> Any:
    frame = response.json()
    if frame["code"] != "OK":
        raise SimulatorRefused(frame["code"], frame["msg"])
    return frame["data"]
