"""The end of a month, for finance, in order: splits, reconciliation, closing with every party's statement, payouts of what is approved.

    uv run python scripts/month_end.py --tenant CODE --month 2026-10 --dry-run
    uv run python scripts/month_end.py --tenant CODE --month 2026-10 --out statements
    uv run python scripts/month_end.py --all --month 2026-10 --through

Killed in the middle, run it again: it goes on where it was. Safe to run twice or twice at once: the second run prints the same figures and
writes the same bytes. Exit code 1 when anything differs.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.settle_close import month_end_command  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    month_end_command(prog_name="month_end.py")
