"""Cursors come back as they went out, and forged ones are refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.kernel.paging import CursorUnreadable, PageTooLarge, page_limit, read_cursor, write_cursor


@given(name=st.text(max_size=40), number=st.integers(-(2**53), 2**53))
def test_a_cursor_is_read_as_it_was_written(name: str, number: int) -> None:
    assert read_cursor(write_cursor(name, number), tuple[str, int]) == (name, number)


@pytest.mark.parametrize("forged", ["", "!", "AAAA", "x" * 600, "\x00", base64.b64encode(b'["a"]').decode()])
def test_a_forged_cursor_is_refused(forged: str) -> None:
    with pytest.raises(CursorUnreadable):
        read_cursor(forged, tuple[str, int])


def test_a_page_has_bounds() -> None:
    assert page_limit(None) == 20
    assert page_limit(100) == 100
    for limit in (0, -1, 101):
        with pytest.raises(PageTooLarge):
            page_limit(limit)
