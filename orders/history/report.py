"""What became of each row of a batch, gathered while the batch is worked through. Pure."""

from collections.abc import Iterable
from typing import Protocol

from tenants.import_outcomes import Finding, RowOutcome, RowState


class Numbered(Protocol):
    """A row of a file."""

    @property
    def number(self) -> int:
        """Its number in the file."""
        ...


class RowReport:
    """A row changes nothing until something of it is kept; once refused it stays refused."""

    def __init__(self, rows: Iterable[Numbered]) -> None:
        """Begin with every row unchanged."""
        self._states = dict.fromkeys((row.number for row in rows), RowState.UNCHANGED)
        self._findings: dict[int, list[Finding]] = {}

    def imported(self, number: int) -> None:
        """Something of the row was new."""
        self._states[number] = RowState.IMPORTED

    def refuse(self, number: int, finding: Finding) -> None:
        """Nothing of the row is kept."""
        self._states[number] = RowState.REFUSED
        self._findings.setdefault(number, []).append(finding)

    def warn(self, number: int, finding: Finding) -> None:
        """The row passes, and somebody should look."""
        self._findings.setdefault(number, []).append(finding)

    def outcomes(self) -> list[RowOutcome]:
        """One outcome a row, in the order of the rows."""
        return [
            RowOutcome(number, state, tuple(self._findings.get(number, ())))
            for number, state in self._states.items()
        ]
