"""Which revision is the newest. Apart from `run`, so that asking at start does not import Alembic."""

import re
from pathlib import Path

VERSIONS = Path(__file__).parent / "versions"
VERSION_TABLE = "alembic_version"


def head_revision() -> str | None:
    """The newest revision, from the file names: they are numbered from 0001 on."""
    numbers = [found[1] for path in VERSIONS.glob("*.py") if (found := re.match(r"(\d{4})_", path.name))]
    return max(numbers, default=None)
