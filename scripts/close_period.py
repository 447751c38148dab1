"""关账, for finance: book what waits, shut the month of every contract, settle its terms, write every party's statement, recount the books.

    uv run python scripts/close_period.py --tenant CODE --month 2026-10 --dry-run
    uv run python scripts/close_period.py --tenant CODE --month 2026-10 --staff finance
    uv run python scripts/close_period.py --all --month 2026-10 --through

Whoever closes (--staff LOGIN) does not sign; a run that names nobody may close, and signs nothing either.
Safe to run twice or twice at once: a closed month is compared with its ledger, never written again. Exit code 1 when anything differs.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.settle_close import close_command  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    close_command(prog_name="close_period.py")
