"""Answering a request once per Idempotency-Key: the stored answer of a repeat, or the verb's, kept in the verb's own transaction."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar.params import HeaderParameter

from storefront.frame import Framed
from storefront.tokens import Principal
from tenants.kernel.idempotency import (
    IdempotencyConflict,
    IdempotencyInFlight,
    IdempotencyKeyMissing,
    Keyed,
    begin,
    complete,
    keyed,
)
from tenants.kernel.scope import Writing

View = TypeVar("View", bound=msgspec.Struct)

CREATED = 201
REPLAYED = "Idempotent-Replayed"
KeyHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Required. Made with the cart, kept until an answer arrives; the same key repeats the same answer.",
    ),
]
REFUSALS = (IdempotencyKeyMissing, IdempotencyConflict, IdempotencyInFlight)
"""What a request with an Idempotency-Key may be refused for."""


def named(
    principal: Principal, *, route: str, key: str | None, body: Any, about: UUID | None = None
) -> Keyed:
    """Name a request by who sent it, to which operation (about which thing in its path), and its body."""
    content = {"about": str(about) if about else None, "body": msgspec.to_builtins(body)}
    return keyed(principal=principal.actor(), route=route, key=key, body=content)


class Once:
    """One keyed request within one transaction."""

    def __init__(self, db: Writing, request: Keyed, *, now: datetime) -> None:
        """Stand ready; nothing is asked yet."""
        self._db = db
        self._request = request
        self._now = now

    async def answer(self, verb: Awaitable[View]) -> Framed:
        """The stored answer, or the verb's, stored with it. `verb` is a coroutine not yet begun: on a repeat it never runs."""
        try:
            stored = await begin(self._db, self._request, now=self._now)
            if stored is not None:
                return Framed(
                    msgspec.Raw(stored.answer), status_code=stored.status, headers={REPLAYED: "true"}
                )
            encoded = msgspec.json.encode(await verb)
        finally:
            # An awaitable left alone would be reported as forgotten.
            close = getattr(verb, "close", None)
            if close is not None:
                close()
        await complete(self._db, self._request, status=CREATED, answer=encoded)
        return Framed(msgspec.Raw(encoded), status_code=CREATED)
