"""The control API under /simulator/: what no vendor offers. Ours, so it speaks our frame `{code,msg,data,requestId}` and camelCase.

It has no authentication: the simulator belongs on loopback or a private network. Everything is POST with a JSON body unless GET is
said; times are business time, amounts fen.

Who there is
    merchants               open or change a merchant: mchid, appid, publicKey, certificateSerial, apiV3Key; legalName, provider, brand,
                            feeBps, maxRatioBps, freezeDays, settleSeconds, refundSeconds, splitWaitSeconds, splitSeconds,
                            returnSeconds, acceptsReturns, splitNotifyUrl, splitEvent, certificates, keepOlderKeys, wechatKeyId,
                            wechatPrivateKey. Answers WeChat's public key and platform certificate
    persons                 openid, name: who may be split to, and the real name that is checked
    apps                    appid, secret, tradeManaged, pages, pushUrl, pushToken, pushAesKey (then messages are sealed)
    apps/verify-url         appid: check the push address, as saving it in the console does
    certificates/rotate     signsAfterSeconds, overlapSeconds
Time and faults
    clock/advance           seconds; does and delivers everything that became due, in order
    faults                  kind, path (glob over the call's path or the callback's address), times, seconds. Kinds of calls: busy,
                            limited, lose, errorAfter, corrupt, probe, stale, unsigned, delay; of callbacks: duplicateCallback,
                            probeCallback, lateCallback, reorderCallback, dropCallback
As the shopper
    pay                     prepayId or outTradeNo (mchid), openid, wait, coupons
    refuse                  outTradeNo, mchid, failed
    receipts                outTradeNo, mchid: confirm receipt of what was shipped
    logins, phone-codes     appid, openid, unionid; appid, phone
    consents                appid, openid, templateId, times
As the bank
    refunds/decide          outTradeNo, mchid, status, outRefundNo: how a refund ends
    splits/decide           account, reason, times, returns: make splits to, or returns from, an account fail
    deposits, withdrawals   mchid, amountFen
    bills/changes           mchid, bill, billDate, change, row, column, value, keepSummary
In WeCom
    wecom/corps, wecom/members, wecom/scan, wecom/part, wecom/refuse, wecom/leave, wecom/verify-url
Looks (GET)
    books, conservation, callbacks, wecom; and the page for people at /simulator/
"""

from typing import Annotated

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from storefront.simulators import views
from storefront.simulators.control_frame import (
    DAY_SECONDS,
    Command,
    ControlRefusal,
    Part,
    commanded,
    shown,
)
from storefront.simulators.control_merchants import Merchants, RegisteredMerchant, merchant_routes
from storefront.simulators.control_money import Money, money_routes
from storefront.simulators.control_vendors import Vendors, vendor_routes
from storefront.simulators.faults import Fault

__all__ = ["Control", "ControlRefusal", "RegisteredMerchant", "control_routes"]


class Advance(Command, kw_only=True):
    """Move business time forward, and finish what became due."""

    seconds: Annotated[float, Meta(ge=0, le=400 * DAY_SECONDS)]


class Control(Part):
    """Time, faults and callbacks; the other parts stand beside it."""

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

    def sent_callbacks(self) -> list[dict[str, object]]:
        """Show every callback with its attempts and what was answered."""
        return [views.callback_view(each) for each in self.state.callbacks.values()]


def control_routes(control: Control) -> list[HTTPRouteHandler]:
    """All paths of the control API."""
    simulation, callbacks = control.simulation, control.callbacks
    return [
        commanded(control, "/simulator/clock/advance", kind=Advance, work=control.advance),
        commanded(control, "/simulator/faults", kind=Fault, work=control.plan_fault),
        shown(control, "/simulator/callbacks", show=control.sent_callbacks),
        *merchant_routes(Merchants(simulation, callbacks)),
        *money_routes(Money(simulation, callbacks)),
        *vendor_routes(Vendors(simulation, callbacks)),
    ]
