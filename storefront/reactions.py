"""What a reaction is: a verb that answers an event, and in which form it wants to be called. Knows no event and no verb."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from tenants.kernel.errors import Broken


class Form(StrEnum):
    """How the worker calls a verb."""

    TRANSACTION = "transaction"
    """`verb(db, fact, *, now, …)`: runs in one transaction together with the row that says it ran, so it runs exactly once."""
    FLOW = "flow"
    """`verb(tenant, fact, *, now, …)`: opens its own transactions around calls to the outside; runs at least once and must bear it."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One verb's answer to an event. The name is stored: renaming a function must not make old events run again."""

    name: str
    verb: Callable[..., Awaitable[Any]]
    form: Form

    def needs(self) -> tuple[str, ...]:
        """The ports that the verb asks for, by the names of its keyword arguments."""
        parameters = inspect.signature(self.verb).parameters.values()
        return tuple(
            each.name
            for each in parameters
            if each.kind is each.KEYWORD_ONLY and each.name != "now" and each.default is each.empty
        )


Subscriptions = Mapping[type[msgspec.Struct], tuple[Reaction, ...]]


class EventUnknown(Broken):
    """Nobody here knows this kind of event; a newer version may have published it."""

    zh = "未知的事件类型"


def in_transaction(name: str, verb: Callable[..., Awaitable[Any]]) -> Reaction:
    """React inside one transaction."""
    return Reaction(name, verb, Form.TRANSACTION)


def as_flow(name: str, verb: Callable[..., Awaitable[Any]]) -> Reaction:
    """React with calls to the outside."""
    return Reaction(name, verb, Form.FLOW)
