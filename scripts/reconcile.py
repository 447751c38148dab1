"""对账, for finance: the channel's files of some days beside our books, every difference as a row, and the proof that the ledger is the bill.

    uv run python scripts/reconcile.py --tenant CODE --dry-run
    uv run python scripts/reconcile.py --all --from 2026-10-01 --to 2026-10-31
    uv run python scripts/reconcile.py --tenant CODE --file 1900000109All2026-10-08.csv.gz

Without a day: yesterday. Safe to run twice or twice at once: the second run prints the same and changes nothing. Exit code 1 when anything
differs; a file that is not ready yet is told and is no difference.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.reconcile import reconcile_command  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    reconcile_command(prog_name="reconcile.py")
