"""结算单, for finance: the files of a closed month, written again to the same bytes: workbook, CSV, and a page to print and sign.

    uv run python scripts/statements.py --tenant CODE --month 2026-10 --out statements
    uv run python scripts/statements.py --all --month 2026-10 --dry-run

Each total is counted again from the rows of the files. Exit code 1 when one does not agree.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.settle_close import statements_command  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    statements_command(prog_name="statements.py")
