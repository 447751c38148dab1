"""A file that came with a request, on the disk for as long as it is read. Whatever it was called, its own name never becomes a path."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORM = re.compile(r"\.[A-Za-z0-9]{1,8}$")


@contextmanager
def uploaded(content: bytes, *, name: str) -> Iterator[Path]:
    """The content as a file whose ending (which tells a workbook from a text) is that of the name."""
    form = FORM.search(name)
    with tempfile.TemporaryDirectory(prefix="storefront-upload-") as folder:
        path = Path(folder) / f"upload{form.group().lower() if form else ''}"
        path.write_bytes(content)
        yield path
