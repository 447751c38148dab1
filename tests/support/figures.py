"""What a long run counted, for people: a line of JSON a test into the file that FIGURES names; nothing where it names none."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def note_figures(what: str, **figures: object) -> None:
    """Append what was counted, with when and on what."""
    if not (path := os.environ.get("FIGURES")):
        return
    machine = {"python": platform.python_version(), "processors": os.cpu_count()}
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "what": what, **figures, **machine}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
