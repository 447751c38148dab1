"""The end of a month, for finance: book what waits, close the month, write every party's statement, recount the books.

    uv run python scripts/month_end.py --tenant CODE --month 2026-10 --out statements
    uv run python scripts/month_end.py --all --month 2026-10 --through

Safe to run twice or twice at once: the second run prints the same figures and writes the same bytes. Exit code 1 when anything differs.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.brands import run_for_brands  # noqa: E402 the project's folder comes first
from storefront.cli.settle import month_end_work  # noqa: E402 the same


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--tenant", help="the brand's code")
    which.add_argument("--all", action="store_true", help="every brand")
    parser.add_argument("--month", required=True, help="YYYY-MM")
    parser.add_argument(
        "--out", type=Path, default=Path("statements"), help="where files go: one folder a brand"
    )
    parser.add_argument("--data", type=Path, help="data folder of a running `storefront up`")
    parser.add_argument("--through", action="store_true", help="close every earlier open month first")
    parser.add_argument("--early", action="store_true", help="close a month that is not over")
    parser.add_argument("--dry-run", action="store_true", help="show what is booked so far; write nothing")
    given = parser.parse_args()
    work = month_end_work(
        given.month, out=given.out, through=given.through, early=given.early, dry_run=given.dry_run
    )
    run_for_brands(work, tenant_code=given.tenant, every=given.all, data=given.data)


if __name__ == "__main__":
    main()
