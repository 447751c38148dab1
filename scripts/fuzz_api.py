"""Throw made-up requests at every operation of a running storefront, as several roles, until enough have been sent.

    uv run storefront up                                      # in another terminal
    uv run python scripts/fuzz_api.py --cases 100000 --seed 1

schemathesis makes the requests from the API's own description, in its four phases (examples, coverage, fuzzing, stateful), valid and
invalid ones; an answer of 5xx, an undocumented status, or a body that its schema does not describe counts as a fault. Exit code 1 then.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datetime import UTC, datetime  # noqa: E402 the project's folder comes first

from storefront.cli.home import settings_for_command  # noqa: E402
from storefront.tokens import AccessTokens, Audience, Principal  # noqa: E402
from tenants.kernel.ids import SessionId, StoreId, TenantId, new_id  # noqa: E402
from tenants.states import StaffRole  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PHASES = "examples,coverage,fuzzing,stateful"
NOT_FUZZED = "/(sessions|callbacks)"
"""Log-in is limited by attempts, callbacks answer in WeChat's words; both have tests of their own."""
COUNTED = re.compile(r"([0-9,]+) generated")
CLEAN = 0


@dataclass(frozen=True)
class Fuzzed:
    """How many requests were made, and what schemathesis says of the faults; empty when there are none."""

    cases: int
    told: str


def fuzz(url: str, *, token: str, seed: int, examples: int, seconds: float, only: str = "") -> Fuzzed:
    """Run schemathesis once as the bearer of `token`; `only` is a pattern of paths."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--url", url, "--no-color",
        "--header", f"Authorization: Bearer {token}", "--phases", PHASES, "--checks", CHECKS,
        "--max-examples", str(examples), "--seed", str(seed), "--max-time", str(seconds), "--no-shrink",
        "--continue-on-failure", "--generation-database", "none", "--exclude-path-regex", NOT_FUZZED,
        "--request-timeout", "30", "--warnings", "off", "--suppress-health-check", "all",
        *(["--include-path-regex", only] if only else []),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(  # noqa: S603 our own interpreter and options
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    counted = [int(each.replace(",", "")) for each in COUNTED.findall(ran.stdout)]
    return Fuzzed(sum(counted), "" if ran.returncode == CLEAN else ran.stdout + ran.stderr)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="data folder of the running `storefront up`")
    given = parser.parse_args()
    settings = settings_for_command(given.data)
    tokens = AccessTokens.with_key(settings.token_key())
    home = given.data or settings.storefront_home
    brand = json.loads((Path(str(home)) / "demo.json").read_text(encoding="utf-8"))["brands"][0]
    sent, seed, began = 0, given.seed, time.monotonic()
    while sent < given.cases:
        for name, principal in _roles(brand["tenant_id"], brand["flagship_id"]).items():
            token, _ = tokens.issue(principal, now=datetime.now(UTC))
            fuzzed = fuzz(given.url, token=token, seed=seed, examples=100, seconds=600)
            sent += fuzzed.cases
            print(f"seed {seed} as {name}: {sent} requests in {time.monotonic() - began:.0f} s", flush=True)
            if fuzzed.told:
                sys.exit(fuzzed.told)
            if not fuzzed.cases:
                sys.exit("schemathesis made no request")
        seed += 1


def _roles(tenant_id: str, store_id: str) -> dict[str, Principal]:
    def principal(audience: Audience, **more: object) -> Principal:
        tenant = None if audience is Audience.OPERATOR else TenantId(new_id().__class__(tenant_id))
        facts = {
            "audience": audience,
            "subject": new_id(),
            "session_id": SessionId(new_id()),
            "tenant_id": tenant,
        }
        return Principal(**facts, **more)  # type: ignore[arg-type]

    here = StoreId(new_id().__class__(store_id))
    return {
        "headquarters": principal(Audience.STAFF, role=StaffRole.BRAND_HQ),
        "store manager": principal(Audience.STAFF, role=StaffRole.STORE_MANAGER, store_id=here),
        "shopper": principal(Audience.SHOPPER),
    }


if __name__ == "__main__":
    main()
