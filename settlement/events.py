"""The facts settlement publishes, past tense."""

import msgspec


class PostingPaused(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of imported sales was posted and more of its source wait: posting goes on in a transaction of its own."""

    source_name: str
    after: str | None
