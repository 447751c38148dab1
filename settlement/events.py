"""The facts settlement publishes, past tense."""

import msgspec

from settlement.post_history import Cursor


class PostingPaused(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a source's imported lines were looked at and more follow: booking goes on in a transaction of its own."""

    source_name: str
    cursor: Cursor
