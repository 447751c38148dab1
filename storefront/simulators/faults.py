"""Planned misbehaviour: the next so many calls (or callbacks) that match a path go wrong in a named way.

Plans are taken in the order they were made, one a call, and are forgotten at a restart.
"""

import asyncio
from contextlib import suppress
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    BUSY = "busy"
    """Says it is busy and does nothing."""
    LIMITED = "limited"
    """Says there were too many calls and does nothing."""
    LOSE = "lose"
    """Does the work and never answers: hangs for `seconds`."""
    ERROR_AFTER = "errorAfter"
    """Does the work and answers 500."""
    CORRUPT = "corrupt"
    """Does the work and answers under a signature that is wrong."""
    PROBE = "probe"
    """Does the work and answers under a SIGNTEST signature."""
    STALE = "stale"
    """Does the work and answers under a valid signature of six minutes ago."""
    UNSIGNED = "unsigned"
    """Does the work and answers without a signature."""
    DELAY = "delay"
    """Does the work and answers after `seconds`."""
    DUPLICATE_CALLBACK = "duplicateCallback"
    """Sends the callback twice at once."""
    PROBE_CALLBACK = "probeCallback"
    """Sends a SIGNTEST copy before the callback."""
    LATE_CALLBACK = "lateCallback"
    """Sends the callback `seconds` of business time later."""
    REORDER_CALLBACK = "reorderCallback"
    """Sends the callback only after the next one to a matching address, at the latest `seconds` of business time later."""
    DROP_CALLBACK = "dropCallback"
    """Never sends the callback."""


CALLBACK_KINDS = frozenset(kind for kind in FaultKind if kind.value.endswith("Callback"))


class Fault(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One plan: `path` is a glob over the call's path, or over notify_url for callbacks."""

    kind: FaultKind
    path: str = "*"
    times: int = 1
    seconds: float = 30.0


class Faults:
    """The plans not yet used up."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Add a plan."""
        self.planned.append(fault)

    def take_call(self, path: str) -> Fault | None:
        """Use up one plan for a call to this path."""
        return self._take(path, callback=False)

    def take_callback(self, notify_url: str) -> Fault | None:
        """Use up one plan for a callback to this address."""
        return self._take(notify_url, callback=True)

    def _take(self, path: str, *, callback: bool) -> Fault | None:
        for fault in self.planned:
            if (fault.kind in CALLBACK_KINDS) is callback and fnmatchcase(path, fault.path):
                fault.times -= 1
                self.planned = [each for each in self.planned if each.times > 0]
                return fault
        return None


async def hold_answer(fault: Fault | None, closing: asyncio.Event) -> None:
    """Keep a lost or delayed answer back for its time, or until the simulator closes."""
    if fault is None or fault.kind not in {FaultKind.LOSE, FaultKind.DELAY}:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(fault.seconds):
            await closing.wait()
