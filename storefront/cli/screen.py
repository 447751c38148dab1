"""The console that commands print to: as wide as the terminal, and wide enough for whole names when there is none (a file, a pipe)."""

from rich.console import Console

WITHOUT_TERMINAL = 160
"""Columns."""


def open_screen() -> Console:
    """Open standard output."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=WITHOUT_TERMINAL)
