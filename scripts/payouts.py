"""付款, for finance: a batch of what approved statements say is owed, its files for bank and payroll, and what came back from them.

    uv run python scripts/payouts.py prepare --tenant CODE --dry-run
    uv run python scripts/payouts.py prepare --tenant CODE --staff finance
    uv run python scripts/payouts.py release --tenant CODE --payout P2026110301 --staff hq --out payouts
    uv run python scripts/payouts.py results --tenant CODE --payout P2026110301 --file bank.csv --staff finance

Run twice or twice at once it makes one batch. A second person releases it, and only then are there files. Exit code 1 when a line of a
result file is not done yet.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.settle_all import payouts_group  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    payouts_group(prog_name="payouts.py")
