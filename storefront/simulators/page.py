"""The page for people at /simulator/: what there is and what was sent, with buttons to pay, refuse, confirm and let days pass.

Rendered here, plain forms, nothing loaded from elsewhere. Newest first, and the newest hundred of each kind.
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, Template, select_autoescape
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from storefront.simulators import views
from storefront.simulators.control import Advance, Control
from storefront.simulators.control_frame import DAY_SECONDS, ControlRefusal
from storefront.simulators.control_money import ConfirmReceipt, Money, Pay, Refuse
from storefront.simulators.wechat_pay.refusals import BEIJING

Asked = Request[Any, Any, Any]
SHOWN = 100
LONGEST_DAYS = 400
SENTENCES = {
    "PAYMENT_PAID": "这笔订单已支付 It is paid already",
    "PAYMENT_CLOSED": "这笔订单已关闭 It was closed",
    "PAYMENT_EXPIRED": "这笔订单已过支付时间 Its time to be paid is over",
    "PAYMENT_UNKNOWN": "没有这笔订单 There is no such payment",
    "NOT_SHIPPED": "尚未发货，不能确认收货 Nothing was shipped that could be confirmed",
    "DAYS_INVALID": f"天数须为 1 至 {LONGEST_DAYS} 的整数 Days must be a whole number from 1 to {LONGEST_DAYS}",
    "BUTTON_UNKNOWN": "没有这个按钮 There is no such button",
}


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(BEIJING).strftime("%m-%d %H:%M:%S")


def _said(refused: str | None) -> str | None:
    """A refusal as a sentence."""
    return None if refused is None else SENTENCES.get(refused, refused)


@cache
def _page() -> Template:
    """Compiled once a process, however many simulators it runs."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(), trim_blocks=True
    )
    made.filters["yuan"] = _yuan
    made.filters["local"] = _local
    return made.get_template("page.html")


def _newest(rows: list[Any]) -> list[Any]:
    return rows[::-1][:SHOWN]


def page_routes(control: Control) -> list[HTTPRouteHandler]:
    """The page and its buttons."""
    template = _page()
    money = Money(control.simulation, control.callbacks)

    @get(["/simulator", "/simulator/"], name="page")
    async def page(request: Asked) -> Response[str]:
        found: dict[str, Any] = money.books()
        for kind in ("payments", "refunds", "splits", "returns"):
            found[kind] = _newest(found[kind])
        callbacks = _newest([views.callback_view(each) for each in control.state.callbacks.values()])
        said = template.render(
            found, callbacks=callbacks, faults=control.simulation.faults.planned, parcels=control.state.parcels,
            refused=_said(request.query_params.get("refused")),
        )  # fmt: skip
        return Response(said, media_type="text/html; charset=utf-8")

    @post("/simulator/page/{button:str}", name="button")
    async def press(request: Asked) -> Redirect:
        form = dict(parse_qsl((await request.body()).decode()))
        refused = await _pressed(control, money, button=request.path_params["button"], form=form)
        query = f"?{urlencode({'refused': refused})}" if refused else ""
        # Back to where the button stands: whoever pays several one after another must not scroll each time.
        place = "" if refused or request.path_params["button"] == "advance" else "#payments"
        return Redirect(f"/simulator/{query}{place}", status_code=303)

    return [page, press]


async def _pressed(control: Control, money: Money, *, button: str, form: dict[str, str]) -> str | None:
    number, mchid = form.get("outTradeNo", ""), form.get("mchid")
    try:
        if button == "pay":
            await money.pay(Pay(out_trade_no=number, mchid=mchid))
        elif button == "refuse":
            money.refuse(Refuse(out_trade_no=number, mchid=mchid))
        elif button == "receipt":
            money.confirm_receipt(ConfirmReceipt(out_trade_no=number, mchid=mchid))
        elif button == "advance":
            days = form.get("days", "1")
            if not days.isdecimal() or not 0 < int(days) <= LONGEST_DAYS:
                return "DAYS_INVALID"
            await control.advance(Advance(seconds=int(days) * DAY_SECONDS))
        else:
            return "BUTTON_UNKNOWN"
    except ControlRefusal as refusal:
        return refusal.code
    control.simulation.save()
    return None
