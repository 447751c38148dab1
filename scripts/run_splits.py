"""分账, for finance: send what is due to the channel now, ask about what is under way, and say what came of it.

    uv run python scripts/run_splits.py --tenant CODE --dry-run
    uv run python scripts/run_splits.py --all

Safe beside the worker, twice, or twice at once: every split keeps its number. Exit code 1 when the channel could not tell about some.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storefront.cli.settle_splits import run_splits_command  # noqa: E402 the project's folder comes first

if __name__ == "__main__":
    run_splits_command(prog_name="run_splits.py")
