"""The report of an import: one line a finding, in a file that a spreadsheet opens, and the figures for the end.

UTF-8 with a byte order mark, because Excel guesses otherwise. A cell that a spreadsheet would run as a formula gets one apostrophe in front;
that apostrophe, the cutting of very long values and ␀ for NUL are the only changes (plain negative numbers are no formulas and stay).
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from tenants.import_outcomes import Finding, Verdict

COLUMNS = ("row", "column", "value", "reason", "outcome")
LONGEST_VALUE = 500
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


class ImportOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file. Always: rows_read = imported + unchanged + refused + left_out."""

    kind: str
    file: str
    rows_read: int
    imported: int
    unchanged: int
    refused: int
    left_out: int
    """Rows that the mapping's own conditions exclude."""
    warnings: int
    kept_as_text: int
    seconds: float
    dry_run: bool
    columns_not_read: tuple[str, ...] = ()
    """Of a file without a mapping: columns whose names are none of our fields."""
    report: Path | None = None

    @property
    def rows_per_second(self) -> int:
        """The pace."""
        return round(self.rows_read / self.seconds) if self.seconds else 0


class Report:
    """Collects findings, in a file when a path is given, and counts them."""

    def __init__(self, path: Path | None) -> None:
        """The file is made at once, so that a folder that cannot be written to is known before the first row."""
        self.path = path
        self.counts = dict.fromkeys(Verdict, 0)
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Open the file and write its header."""
        if self.path is not None:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; what was found until an error stays readable."""
        if self._file is not None:
            self._file.close()

    def add(self, number: int, findings: Iterable[Finding]) -> None:
        """Write one row's findings."""
        for finding in findings:
            self.counts[finding.verdict] += 1
            if self._writer is not None:
                self._writer.writerow(
                    (
                        number,
                        harmless(finding.column),
                        harmless(finding.value),
                        harmless(finding.reason),
                        finding.verdict.value,
                    )
                )


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it without running it."""
    text = text.replace("\x00", "␀")
    if len(text) > LONGEST_VALUE:
        text = text[:LONGEST_VALUE] + "…"
    if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not NUMBER.fullmatch(text):
        return "'" + text
    return text
