"""A contract as a person writes it down: a TOML file with the codes of stores and malls instead of ids.

Reads the file and says which line cannot be; what a contract may say is settlement's.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from settlement.commands import CreateContract
from settlement.errors import ContractStoresWrong, PartyUnknown
from tenants.kernel.scope import Reading
from tenants.queries import malls, store_ids_by_code

EXAMPLE = """\
# 联营合同. Amounts in fen (分), rates in basis points (1500 = 15 %).
code = "plaza-2027"
name = "示例广场联营合同"
active_from = 2027-01-01T00:00:00+08:00
stores = ["S01", "S02"]           # codes of stores
profit_sharing = true             # split through the payment channel
over_ratio = "refuse"             # or "payable": above the merchant's largest share it is owed instead of split

base = "paid_goods"               # list_goods | paid_goods | paid_total | ex_tax
base_includes_funded_by = ["mall"] # discounts paid by the mall count as if they had been paid
tax_bps = 600
invoice = "they_issue"            # we_issue | they_issue | none
cut_off_day = 25                  # leave it out for calendar months
payment_days = 15                 # T+15
channel_fee_by = "residual"       # residual | party | shared
coupons_by = "residual"           # of WeChat coupons, what the merchant paid for: residual | party | shared

# collected_by = { kind = "mall", mall = "PLAZA" }  # the mall's own till takes the money of sales that are imported …
# collected_sources = ["mall-till"]                 # … from these sources; from all of them when none is named

[residual_party]                  # who takes what the rates leave; leave the table out for: whoever sells at the store,
kind = "brand"                    # its franchisee or the brand

[[rates]]                         # the ordinary rate
party = { kind = "mall", mall = "PLAZA" }
rate_bps = 1500

[[rates]]                         # one category
party = { kind = "mall", mall = "PLAZA" }
category_code = "tea"
rate_bps = 1200

[[rates]]                         # a campaign on some days, both included
party = { kind = "mall", mall = "PLAZA" }
promotion_code = "SPRING"
valid_from_on = 2027-02-01
valid_to_on = 2027-02-14
rate_bps = 800

[[period_terms]]                  # 保底与分段: settled when the period is over
party = { kind = "mall", mall = "PLAZA" }
period = "quarter"                # month | quarter | year
tier_mode = "marginal"            # or "whole"
tiers = [
  { from_fen = 0, to_fen = 50000000, rate_bps = 1500 },
  { from_fen = 50000000, rate_bps = 1200 },
]
guarantee_kind = "amount"         # or "sales"
guarantee_fen = 3000000
guarantee_in_tiers = true
higher_of = true                  # false: owed beside the rate
cap_fen = 12000000
returns_count = "when_returned"   # or "when_sold": off the period the goods were sold in, which is reckoned again
"""
MALL = "mall"
_WORD = re.compile(r"_([a-z])")
_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


def load_contract(path: Path) -> dict[str, Any]:
    """What a file says; raises ValueError for one that is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


async def contract_of(db: Reading, told: dict[str, Any]) -> CreateContract:
    """The contract that a file describes; raises ValueError with the field that cannot be, the refusals for unknown codes."""
    codes = [str(code) for code in _listed(told.pop("stores", []))]
    known = await store_ids_by_code(db, codes)
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise ContractStoresWrong(details={"stores": f"unknown: {', '.join(unknown[:5])}"})
    await _find_malls(db, told)
    wire = _wire(told) | {"storeIds": [str(known[code]) for code in codes]}
    try:
        return msgspec.convert(wire, CreateContract)
    except msgspec.ValidationError as error:
        raise ValueError(_in_the_files_words(str(error))) from error


def _in_the_files_words(said: str) -> str:
    """The refusal with the names that the file has, and the place first."""
    reason, _, place = said.partition(" - at ")
    told = _HUMP.sub(
        lambda found: f"_{found[1].lower()}",
        f"{place.strip('`').removeprefix('$.')}: {reason}" if place else reason,
    )
    return f"{told} (10000 bps are 100 %)" if "rate_bps" in told else told


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def _find_malls(db: Reading, told: dict[str, Any]) -> None:
    """Put the malls' ids where the file names their codes."""
    rows = [told, *_listed(told.get("rates", [])), *_listed(told.get("period_terms", []))]
    tables = [row for row in rows if isinstance(row, dict)]
    named = [each for row in tables for each in row.values() if isinstance(each, dict) and MALL in each]
    ids = {mall.code: mall.id for mall in await malls(db, codes=[str(party[MALL]) for party in named])}
    for party in named:
        code = party.pop(MALL)
        if code not in ids:
            raise PartyUnknown(details={MALL: str(code)})
        party["mall_id"] = str(ids[code])


def _wire(told: Any) -> Any:
    """The same with the names that the API has."""
    if isinstance(told, dict):
        return {_WORD.sub(lambda found: found[1].upper(), key): _wire(value) for key, value in told.items()}
    return [_wire(value) for value in told] if isinstance(told, list) else told
