"""Callbacks on their way to merchants: sealed once, signed afresh at each attempt, repeated on WeChat's ladder of business time.

200 and 204 mean accepted; anything else, or five seconds of silence, means the next step of the ladder.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import httpx
import msgspec

from storefront.simulators.faults import FaultKind
from storefront.simulators.local_http import open_http_client
from storefront.simulators.state import Callback, CallbackAttempt, Payment, Refund, Simulation
from storefront.simulators.wechat_pay import books, envelope

LADDER = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""Seconds between attempts: 24 h 4 min in total."""
ANSWER_SECONDS = 5.0
LONGEST_SLEEP = 60.0
ACCEPTED = frozenset({200, 204})
KEPT_ANSWER = 500


class Callbacks:
    """Queues notifications and delivers what is due."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._sending: set[str] = set()
        self._changed = asyncio.Event()
        self._delivering = asyncio.Lock()
        # Not kept alive: a receiver that restarts must not cost an attempt.
        self._http = open_http_client(timeout=ANSWER_SECONDS, kept_alive=0)
        # What was in flight when the last process ended is simply due again: WeChat repeats, too.
        for callback in simulation.state.callbacks.values():
            if not callback.done and callback.due_at is None and callback.step <= len(LADDER):
                callback.due_at = simulation.clock.now()

    def notify_payment(self, payment: Payment) -> Callback | None:
        """Queue the news that a payment succeeded."""
        return self._queue(
            mchid=payment.mchid,
            url=payment.notify_url,
            plain=books.transaction_body(payment),
            kind=("transaction", "TRANSACTION.SUCCESS", "支付成功"),
            numbers=(payment.out_trade_no, None),
        )

    def notify_refund(self, refund: Refund) -> Callback | None:
        """Queue the news of a refund, when its request named an address."""
        if refund.notify_url is None:
            return None
        number = self._simulation.state.payments[refund.payment].out_trade_no
        return self._queue(
            mchid=refund.mchid,
            url=refund.notify_url,
            plain=books.refund_body(self._simulation, refund, notice=True),
            kind=("refund", f"REFUND.{refund.status}", "退款通知"),
            numbers=(number, refund.out_refund_no),
        )

    def _queue(
        self,
        *,
        mchid: str,
        url: str,
        plain: dict[str, object],
        kind: tuple[str, str, str],
        numbers: tuple[str, str | None],
    ) -> Callback | None:
        simulation = self._simulation
        fault = simulation.faults.take_callback(url)
        if fault is not None and fault.kind is FaultKind.DROP_CALLBACK:
            return None
        original, event, summary = kind
        drawn, now = simulation.draw("callback"), simulation.clock.now()
        resource = envelope.seal(
            simulation.state.merchants[mchid].api_v3_key,
            msgspec.json.encode(plain),
            associated=original,
            nonce=drawn[32:44],
        )
        body = {
            "id": drawn[:32],
            "create_time": books.wechat_time(now),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": summary,
            "resource": {"original_type": original} | resource,
        }
        callback = Callback(
            id=drawn[:32],
            mchid=mchid,
            event_type=event,
            notify_url=url,
            body=msgspec.json.encode(body).decode(),
            out_trade_no=numbers[0],
            out_refund_no=numbers[1],
            due_at=now,
        )
        if fault is not None:
            if fault.kind is FaultKind.LATE_CALLBACK:
                callback.due_at = now + timedelta(seconds=fault.seconds)
            else:
                callback.planned = fault.kind.value
        simulation.state.callbacks[callback.id] = callback
        self._changed.set()
        return callback

    async def run(self) -> None:
        """Deliver for ever, sleeping until something is due or something changed."""
        while True:
            self._changed.clear()
            await self.deliver_due()
            # Not wait_for: in Python 3.11 it loses a cancellation that arrives together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self._changed.wait()

    async def deliver_due(self) -> None:
        """Finish what time alone finishes, then deliver until nothing is due any more."""
        # One at a time: who advances the clock must not return while the other still delivers.
        async with self._delivering:
            while True:
                for refund in books.settle_due(self._simulation):
                    self.notify_refund(refund)
                due = self._due()
                if not due:
                    self._simulation.save()
                    return
                await asyncio.gather(*(self.deliver(callback) for callback in due))

    async def aclose(self) -> None:
        """Close the connections to receivers."""
        await self._http.aclose()

    async def deliver(self, callback: Callback) -> None:
        """Make one attempt, unless one is being made."""
        if callback.id in self._sending or callback.done or callback.due_at is None:
            return
        self._sending.add(callback.id)
        planned, callback.planned = callback.planned, None
        try:
            if planned == FaultKind.PROBE_CALLBACK.value:
                await self._send(callback, probe=True)
            copies = 2 if planned == FaultKind.DUPLICATE_CALLBACK.value else 1
            accepted = await asyncio.gather(*(self._send(callback) for _ in range(copies)))
        finally:
            self._sending.discard(callback.id)
        callback.done = any(accepted)
        # From the time it was due, not from now: after a jump of the clock the ladder catches up step by step.
        callback.due_at = (
            None
            if callback.done or callback.step >= len(LADDER)
            else callback.due_at + timedelta(seconds=LADDER[callback.step])
        )
        callback.step += 1
        self._changed.set()
        self._simulation.save()

    async def deliver_if_due(self, callback: Callback) -> None:
        """Make the first attempt now, unless it was planned for later."""
        if callback.due_at is not None and callback.due_at <= self._simulation.clock.now():
            await self.deliver(callback)

    async def _send(self, callback: Callback, *, probe: bool = False) -> bool:
        simulation, body = self._simulation, callback.body.encode()
        merchant = simulation.state.merchants[callback.mchid]
        serial, key = envelope.answering_key(simulation.state, merchant, asked=merchant.wechat_key_id)
        headers = envelope.signature_headers(
            key, body, serial=serial, stamp=simulation.clock.stamp(), nonce=simulation.draw("nonce")[:32]
        )
        if probe:
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        headers |= {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        status, answer = None, ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._http.post(callback.notify_url, content=body, headers=headers)
                status, answer = response.status_code, response.text[:KEPT_ANSWER]
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            answer = type(error).__name__
        callback.attempts.append(CallbackAttempt(simulation.clock.now(), status, answer, probe=probe))
        return status in ACCEPTED and not probe

    def _due(self) -> list[Callback]:
        now = self._simulation.clock.now()
        waiting = [
            callback
            for callback in self._simulation.state.callbacks.values()
            if callback.due_at is not None and callback.due_at <= now and callback.id not in self._sending
        ]
        return sorted(waiting, key=lambda callback: (callback.due_at, callback.id))

    def _until_next(self) -> float:
        state, now = self._simulation.state, self._simulation.clock.now()
        moments = [
            each.due_at
            for each in state.callbacks.values()
            if each.due_at is not None and each.id not in self._sending
        ]
        moments += [each.due_at for each in state.refunds.values() if each.status == "PROCESSING"]
        soonest = min(((moment - now).total_seconds() for moment in moments), default=LONGEST_SLEEP)
        return min(max(soonest, 0.01), LONGEST_SLEEP)

    def wake(self) -> None:
        """Say that something may be due now."""
        self._changed.set()
