"""How the control API speaks: our frame, camelCase, commands as structs, refusals by code."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from storefront.simulators.passing import settle_due
from storefront.simulators.records import Merchant, Payment
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.parcels import MiniRefusal
from storefront.simulators.wechat_pay.callbacks import Callbacks
from storefront.simulators.wecom.transfers import WecomRefusal

Asked = Request[Any, Any, Any]
Given = TypeVar("Given")
Name = Annotated[str, Meta(min_length=1, max_length=64)]
DAY_SECONDS = 86_400


class ControlRefusal(Exception):
    """The control API's no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Command(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A body of the control API."""


class Part:
    """A part of the control API: what it works on, and how it finds things."""

    def __init__(self, simulation: Simulation, callbacks: Callbacks) -> None:
        self.simulation = simulation
        self.callbacks = callbacks
        self.state = simulation.state

    def pass_time(self) -> None:
        """See what time has done before looking."""
        self.callbacks.tell(settle_due(self.simulation))

    def merchant(self, mchid: str) -> Merchant:
        """Find a merchant."""
        if mchid not in self.state.merchants:
            raise ControlRefusal(404, "MERCHANT_UNKNOWN")
        return self.state.merchants[mchid]

    def payment(self, number: str | None, mchid: str | None) -> Payment:
        """Find the only payment with this number; the merchant has to be named where two use it."""
        found = [
            each
            for each in self.state.payments.values()
            if each.out_trade_no == number and mchid in {None, each.mchid, each.sub_mchid}
        ]
        if len(found) != 1:
            raise ControlRefusal(404, "PAYMENT_UNKNOWN")
        return found[0]


def commanded(
    part: Part, path: str, *, kind: type[Given], work: Callable[[Given], object | Awaitable[object]]
) -> HTTPRouteHandler:
    """Offer a command."""

    @post(path, name=path)
    async def command(request: Asked) -> Response[bytes]:
        return await _framed(part, work, read=(kind, await request.body()))

    return command


def shown(part: Part, path: str, *, show: Callable[[], object]) -> HTTPRouteHandler:
    """Offer a look."""

    @get(path, name=path)
    async def view() -> Response[bytes]:
        return await _framed(part, lambda _nothing: show())

    return view


async def _framed(
    part: Part,
    work: Callable[[Any], object | Awaitable[object]],
    *,
    read: tuple[type[Any], bytes] | None = None,
) -> Response[bytes]:
    status, code, text, given = 200, "OK", "", None
    try:
        command = msgspec.json.decode(read[1], type=read[0]) if read else None
        done = work(command)
        given = await done if isinstance(done, Awaitable) else done
        part.simulation.save()
    except ControlRefusal as refusal:
        status, code, text = refusal.status, refusal.code, refusal.code.replace("_", " ").lower()
    except (MiniRefusal, WecomRefusal) as refusal:
        status, code, text = 409, f"VENDOR_{refusal.errcode}", refusal.errmsg
    except msgspec.MsgspecError as error:
        status, code, text = 422, "VALIDATION_FAILED", str(error)
    frame = {"code": code, "msg": text, "data": given, "requestId": part.simulation.draw("control")[:32]}
    return Response(msgspec.json.encode(frame), status_code=status, media_type="application/json")
