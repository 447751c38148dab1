"""Notifications on their way: sealed once, signed afresh at each attempt, repeated on their vendor's ladder of business time.

WeChat Pay takes 200 and 204 for accepted; anything else, or five seconds of silence, means the next step of the ladder. Pushes of
mini-programs and WeCom are accepted by 200 and repeated three times.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import httpx

from storefront.simulators.faults import Fault, FaultKind
from storefront.simulators.local_http import open_http_client
from storefront.simulators.passing import News, settle_due
from storefront.simulators.records import Callback, CallbackAttempt, Payment
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import letters
from storefront.simulators.wechat_pay.letters import Letter

LADDER = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""Seconds between attempts: 24 h 4 min in total."""
SHORT_LADDER = (5, 5, 5)
LADDERS = {"pay": LADDER, "mini": SHORT_LADDER, "wecom": SHORT_LADDER}
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
        self._held_back: list[tuple[Fault, Callback]] = []
        # Not kept alive: a receiver that restarts must not cost an attempt.
        self._http = open_http_client(timeout=ANSWER_SECONDS, kept_alive=0)
        self._open: dict[str, Callback] = {}
        for callback in simulation.state.callbacks.values():
            # What was in flight when the last process ended is simply due again: WeChat repeats, too.
            if not callback.done and callback.due_at is None and callback.step <= len(LADDERS[callback.form]):
                callback.due_at = simulation.clock.now()
            if callback.due_at is not None:
                self._open[callback.id] = callback

    def notify_payment(self, payment: Payment) -> Callback | None:
        """Queue the news that a payment succeeded."""
        return self.queue(letters.payment(payment))

    def tell(self, news: list[News]) -> None:
        """Queue what happened by itself and has an address to be told at."""
        for each in news:
            for letter in letters.of_news(self._simulation, each):
                self.queue(letter)

    def queue(self, letter: Letter) -> Callback | None:
        """Queue a letter, unless it was planned to get lost."""
        simulation = self._simulation
        fault = simulation.faults.take_callback(letter.url)
        if fault is not None and fault.kind is FaultKind.DROP_CALLBACK:
            return None
        callback = letters.sealed(simulation, letter)
        for plan, held in [each for each in self._held_back if fnmatchcase(letter.url, each[0].path)]:
            held.behind, held.due_at = callback.id, callback.due_at
            self._held_back.remove((plan, held))
        if fault is not None:
            self._bend(callback, fault, now=simulation.clock.now())
        simulation.state.callbacks[callback.id] = self._open[callback.id] = callback
        self._changed.set()
        return callback

    def _bend(self, callback: Callback, fault: Fault, *, now: datetime) -> None:
        if fault.kind in {FaultKind.LATE_CALLBACK, FaultKind.REORDER_CALLBACK}:
            callback.due_at = now + timedelta(seconds=fault.seconds)
        else:
            callback.planned = fault.kind.value
        if fault.kind is FaultKind.REORDER_CALLBACK:
            self._held_back.append((fault, callback))

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
                self.tell(settle_due(self._simulation))
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
        ladder = LADDERS[callback.form]
        callback.done = any(accepted)
        # From the time it was due, not from now: after a jump of the clock the ladder catches up step by step.
        callback.due_at = (
            None
            if callback.done or callback.step >= len(ladder)
            else callback.due_at + timedelta(seconds=ladder[callback.step])
        )
        callback.step += 1
        if callback.due_at is None:
            self._open.pop(callback.id, None)
        self._changed.set()
        self._simulation.save()

    async def deliver_if_due(self, callback: Callback) -> None:
        """Make the first attempt now, unless it was planned for later."""
        if callback.due_at is not None and callback.due_at <= self._simulation.clock.now():
            await self.deliver(callback)

    async def _send(self, callback: Callback, *, probe: bool = False) -> bool:
        simulation = self._simulation
        url, headers = letters.addressed(simulation, callback, probe=probe)
        status, answer = None, ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._http.post(url, content=callback.body.encode(), headers=headers)
                status, answer = response.status_code, response.text[:KEPT_ANSWER]
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            answer = type(error).__name__
        callback.attempts.append(CallbackAttempt(simulation.clock.now(), status, answer, probe=probe))
        return status in ACCEPTED and not probe

    def _due(self) -> list[Callback]:
        now = self._simulation.clock.now()
        waiting = [
            callback
            for callback in self._open.values()
            if callback.due_at is not None
            and callback.due_at <= now
            and callback.id not in self._sending
            and self._may_go(callback)
        ]
        return sorted(waiting, key=lambda callback: (callback.due_at, callback.id))

    def _may_go(self, callback: Callback) -> bool:
        if callback.behind is None:
            return True
        other = self._simulation.state.callbacks.get(callback.behind)
        return other is None or bool(other.attempts)

    def _until_next(self) -> float:
        now = self._simulation.clock.now()
        moments = [
            each.due_at
            for each in self._open.values()
            if each.due_at is not None and each.id not in self._sending and self._may_go(each)
        ]
        moments += [each.at for each in self._simulation.state.agenda[:1]]
        soonest = min(((moment - now).total_seconds() for moment in moments), default=LONGEST_SLEEP)
        return min(max(soonest, 0.01), LONGEST_SLEEP)

    def wake(self) -> None:
        """Say that something may be due now."""
        self._changed.set()
