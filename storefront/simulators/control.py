"""The control API under /simulator/: merchants, apps, login codes, paying, the clock, faults, and a look into the books.

Ours, so it speaks our frame and camelCase. It has no authentication: the simulator belongs on loopback or a private network.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from storefront.simulators.faults import Fault
from storefront.simulators.state import App, Callback, Merchant, Payment, Simulation
from storefront.simulators.wechat_mini.login import make_code
from storefront.simulators.wechat_pay import books, envelope
from storefront.simulators.wechat_pay.callbacks import Callbacks

Asked = Request[Any, Any, Any]
Command = TypeVar("Command")
Name = Annotated[str, Meta(min_length=1, max_length=64)]
DAY_SECONDS = 86_400


class ControlRefusal(Exception):
    """The control API's no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Command(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A body of the control API."""


class RegisterMerchant(_Command, kw_only=True):
    """Open (or change) a merchant; `publicKey` is a PEM public key or certificate, times are business time."""

    mchid: Name
    appid: Name
    public_key: str
    certificate_serial: Name
    api_v3_key: Annotated[str, Meta(pattern=r"^[\x21-\x7e]{32}$")]
    fee_bps: Annotated[int, Meta(ge=0, le=10_000)] = 60
    refund_seconds: Annotated[int, Meta(ge=0)] = 2
    settle_seconds: Annotated[int, Meta(ge=0)] = DAY_SECONDS
    certificates: bool = True


class RegisteredMerchant(msgspec.Struct, rename="camel"):
    """What the merchant needs to verify WeChat: the public key, and the platform certificate where it still has one."""

    mchid: str
    public_key_id: str
    public_key: str
    certificate_serial: str | None
    certificate: str | None


class RegisterApp(_Command, kw_only=True):
    """Open (or change) a mini-program."""

    appid: Name
    secret: Annotated[str, Meta(min_length=1, max_length=128)]


class MakeLogin(_Command, kw_only=True):
    """Make a login code for a shopper."""

    appid: Name
    openid: Name | None = None
    unionid: Name | None = None


class Pay(_Command, kw_only=True):
    """Pay a payment as its shopper; with `wait` the answer comes after the callback's first attempt."""

    prepay_id: str | None = None
    out_trade_no: str | None = None
    mchid: str | None = None
    openid: str | None = None
    wait: bool = True


class Advance(_Command, kw_only=True):
    """Move business time forward, and finish what became due."""

    seconds: Annotated[float, Meta(ge=0, le=400 * DAY_SECONDS)]


class Withdraw(_Command, kw_only=True):
    """Take available money out of the merchant's account."""

    mchid: str
    amount_fen: Annotated[int, Meta(ge=1)]


class Control:
    """Carries out control commands."""

    def __init__(self, simulation: Simulation, callbacks: Callbacks) -> None:
        self.simulation = simulation
        self.callbacks = callbacks

    def register_merchant(self, command: RegisterMerchant) -> RegisteredMerchant:
        """Keep the merchant's public half, make WeChat's halves once; registering again changes the merchant's side only."""
        state = self.simulation.state
        try:
            envelope.public_key(command.public_key)
        except ValueError:
            raise ControlRefusal(422, "KEY_UNREADABLE") from None
        if state.platform is None:
            serial = "5" + self.simulation.draw("platform")[:39]
            state.platform = envelope.new_platform(serial, now=self.simulation.clock.now())
        known = state.merchants.get(command.mchid)
        if known is None:
            private, public = envelope.new_key_pair()
            known = state.merchants[command.mchid] = Merchant(
                mchid=command.mchid,
                wechat_key_id=f"PUB_KEY_ID_01{self.simulation.draw_digits('key', 28)}",
                wechat_public_key=public,
                wechat_private_key=private,
            )
        known.appids = sorted({*known.appids, command.appid})
        known.certificate_serial, known.public_key = command.certificate_serial, command.public_key
        known.api_v3_key, known.fee_bps = command.api_v3_key, command.fee_bps
        known.refund_seconds, known.settle_seconds = command.refund_seconds, command.settle_seconds
        known.certificates = command.certificates
        platform = state.platform if known.certificates else None
        return RegisteredMerchant(
            mchid=known.mchid,
            public_key_id=known.wechat_key_id,
            public_key=known.wechat_public_key,
            certificate_serial=platform.serial if platform else None,
            certificate=platform.certificate if platform else None,
        )

    def register_app(self, command: RegisterApp) -> dict[str, object]:
        """Keep the app's secret."""
        self.simulation.state.apps[command.appid] = App(command.appid, command.secret)
        return {"appid": command.appid}

    def make_login(self, command: MakeLogin) -> dict[str, object]:
        """Make a code."""
        if command.appid not in self.simulation.state.apps:
            raise ControlRefusal(404, "APP_UNKNOWN")
        code = make_code(self.simulation, appid=command.appid, openid=command.openid, unionid=command.unionid)
        return {"code": code, "openid": self.simulation.state.codes[code].openid}

    async def pay(self, command: Pay) -> dict[str, object]:
        """Pay, as a shopper's tap would; what WeChat would not let the shopper pay is refused."""
        payment = self._payable(command)
        books.pay(self.simulation, payment)
        callback = self.callbacks.notify_payment(payment)
        self.simulation.save()
        if command.wait and callback is not None:
            await self.callbacks.deliver_if_due(callback)
        found = _payment_view(payment)
        return found | {"callback": None if callback is None else _callback_view(callback)}

    def _payable(self, command: Pay) -> Payment:
        state, now = self.simulation.state, self.simulation.clock.now()
        if command.prepay_id is not None:
            session = state.sessions.get(command.prepay_id.removeprefix("prepay_id="))
            if session is None or session.expires_at <= now:
                raise ControlRefusal(404, "PREPAY_UNKNOWN")
            found = [state.payments[session.payment]]
        else:
            found = [
                each
                for each in state.payments.values()
                if each.out_trade_no == command.out_trade_no and command.mchid in {None, each.mchid}
            ]
        if len(found) != 1:
            raise ControlRefusal(404, "PAYMENT_UNKNOWN")
        payment = found[0]
        if payment.state != "NOTPAY":
            raise ControlRefusal(409, "PAYMENT_CLOSED" if payment.state == "CLOSED" else "PAYMENT_PAID")
        if payment.expires_at <= now:
            raise ControlRefusal(409, "PAYMENT_EXPIRED")
        if command.openid not in {None, payment.openid}:
            raise ControlRefusal(409, "PAYER_MISMATCH")
        return payment

    async def advance(self, command: Advance) -> dict[str, object]:
        """Move the clock and deliver everything that became due."""
        self.simulation.clock.advance(command.seconds)
        await self.callbacks.deliver_due()
        self.callbacks.wake()
        return {"now": self.simulation.clock.now()}

    def plan_fault(self, command: Fault) -> dict[str, object]:
        """Plan a fault."""
        self.simulation.faults.plan(command)
        return {"planned": len(self.simulation.faults.planned)}

    def withdraw(self, command: Withdraw) -> dict[str, object]:
        """Take money out, so that a refund can meet an empty account."""
        self._settle()
        merchant = self.simulation.state.merchants.get(command.mchid)
        if merchant is None:
            raise ControlRefusal(404, "MERCHANT_UNKNOWN")
        if merchant.available < command.amount_fen:
            raise ControlRefusal(409, "NOT_ENOUGH")
        merchant.available -= command.amount_fen
        merchant.withdrawn += command.amount_fen
        return {"availableFen": merchant.available}

    def books(self) -> dict[str, object]:
        """Show the books: every merchant's money, every payment and refund."""
        self._settle()
        state = self.simulation.state
        return {
            "now": self.simulation.clock.now(),
            "merchants": [_merchant_view(each, self.simulation) for each in state.merchants.values()],
            "payments": [_payment_view(each) for each in state.payments.values()],
            "refunds": [
                {
                    "mchid": each.mchid,
                    "outRefundNo": each.out_refund_no,
                    "outTradeNo": state.payments[each.payment].out_trade_no,
                    "refundId": each.refund_id,
                    "amountFen": each.amount,
                    "feeBackFen": each.fee_back,
                    "status": each.status,
                    "successAt": each.success_at,
                }
                for each in state.refunds.values()
            ],
        }

    def sent_callbacks(self) -> list[dict[str, object]]:
        """Show every callback with its attempts and what was answered."""
        return [_callback_view(each) for each in self.simulation.state.callbacks.values()]

    def _settle(self) -> None:
        for finished in books.settle_due(self.simulation):
            self.callbacks.notify_refund(finished)


def _merchant_view(merchant: Merchant, simulation: Simulation) -> dict[str, object]:
    own = [each for each in simulation.state.payments.values() if each.mchid == merchant.mchid]
    return {
        "mchid": merchant.mchid,
        "appids": merchant.appids,
        "availableFen": merchant.available,
        "frozenFen": sum(each.held for each in own if each.profit_sharing),
        "unsettledFen": sum(each.held for each in own if not each.profit_sharing),
        "feeFen": sum(each.fee for each in own),
        "withdrawnFen": merchant.withdrawn,
    }


def _payment_view(payment: Payment) -> dict[str, object]:
    return {
        "mchid": payment.mchid,
        "appid": payment.appid,
        "outTradeNo": payment.out_trade_no,
        "transactionId": payment.transaction_id,
        "tradeState": payment.state,
        "totalFen": payment.total,
        "refundedFen": payment.refunded,
        "feeFen": payment.fee,
        "heldFen": payment.held,
        "profitSharing": payment.profit_sharing,
        "storeId": payment.store_id,
        "openid": payment.openid,
        "paidAt": payment.paid_at,
        "expiresAt": payment.expires_at,
    }


def _callback_view(callback: Callback) -> dict[str, object]:
    return {
        "id": callback.id,
        "mchid": callback.mchid,
        "eventType": callback.event_type,
        "notifyUrl": callback.notify_url,
        "outTradeNo": callback.out_trade_no,
        "outRefundNo": callback.out_refund_no,
        "done": callback.done,
        "dueAt": callback.due_at,
        "attempts": callback.attempts,
    }


def control_routes(control: Control) -> list[HTTPRouteHandler]:
    """The paths of the control API."""

    def commanded(
        path: str, kind: type[Command], work: Callable[[Command], object | Awaitable[object]]
    ) -> HTTPRouteHandler:
        @post(path, name=path)
        async def command(request: Asked) -> Response[bytes]:
            return await _framed(control, work, read=(kind, await request.body()))

        return command

    def shown(path: str, show: Callable[[], object]) -> HTTPRouteHandler:
        @get(path, name=path)
        async def view() -> Response[bytes]:
            return await _framed(control, lambda _nothing: show())

        return view

    return [
        commanded("/simulator/merchants", RegisterMerchant, control.register_merchant),
        commanded("/simulator/apps", RegisterApp, control.register_app),
        commanded("/simulator/logins", MakeLogin, control.make_login),
        commanded("/simulator/pay", Pay, control.pay),
        commanded("/simulator/clock/advance", Advance, control.advance),
        commanded("/simulator/faults", Fault, control.plan_fault),
        commanded("/simulator/withdrawals", Withdraw, control.withdraw),
        shown("/simulator/books", control.books),
        shown("/simulator/callbacks", control.sent_callbacks),
    ]


async def _framed(
    control: Control,
    work: Callable[[Any], object | Awaitable[object]],
    *,
    read: tuple[type[Any], bytes] | None = None,
) -> Response[bytes]:
    status, code, text, given = 200, "OK", "", None
    try:
        command = msgspec.json.decode(read[1], type=read[0]) if read else None
        done = work(command)
        given = await done if isinstance(done, Awaitable) else done
        control.simulation.save()
    except ControlRefusal as refusal:
        status, code, text = refusal.status, refusal.code, refusal.code.replace("_", " ").lower()
    except msgspec.MsgspecError as error:
        status, code, text = 422, "VALIDATION_FAILED", str(error)
    frame = {"code": code, "msg": text, "data": given, "requestId": control.simulation.draw("control")[:32]}
    return Response(msgspec.json.encode(frame), status_code=status, media_type="application/json")
