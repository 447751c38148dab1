"""Cursors: where a list goes on, opaque to the caller and harmless when forged.

A cursor is the sort key of the last row shown, encoded; the query compares with it (key-set paging), so a page costs the same at
any depth and rows inserted meanwhile neither repeat nor vanish.
"""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from tenants.kernel.errors import Invalid

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
LONGEST_CURSOR = 512

Shape = TypeVar("Shape")


class CursorUnreadable(Invalid):
    """This cursor was not given out by this list."""

    zh = "游标无效"


class PageTooLarge(Invalid):
    """A page holds 1 to 100 rows."""

    zh = "每页条数应为 1 至 100"


def write_cursor(*key: Any) -> str:
    """Encode the sort key of the last row shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(cursor: str, shape: type[Shape]) -> Shape:
    """Decode a cursor into a tuple of the expected types, or refuse it."""
    if len(cursor) > LONGEST_CURSOR:
        raise CursorUnreadable
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise CursorUnreadable from error


def page_limit(limit: int | None) -> int:
    """The number of rows asked for, within bounds."""
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= LARGEST_LIMIT:
        raise PageTooLarge
    return limit
