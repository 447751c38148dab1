"""The laws of the books, as SQL that recounts everything from scratch. Reads only; an operator may run it at any time.

What periods give is arithmetic that SQL does not have: that law reads what it needs at once, and reckons here.

Each law yields a finding: how much was checked, how much breaks it, and the first few examples. What waits to be booked breaks the law
of orders until the worker or `post_pending` has booked it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from settlement.agreements.models import TrueUp
from settlement.agreements.promotion_models import TermsFunder
from settlement.days import broken_days
from settlement.laws.accounts import balances_off, wrong_sides
from settlement.laws.beside import collected_off, funded_off
from settlement.laws.channel import fees_off, left_in_clearing, suspense_off, without_journal
from settlement.laws.coupons import coupons_shared_off
from settlement.laws.fees import fees_off_rate
from settlement.laws.gaps import lines_without_terms, missing_statements
from settlement.laws.given_back import left_of_given_back
from settlement.laws.rows import Rows
from settlement.laws.shares import kept_off, loose_off, shares_off
from settlement.laws.statements import statements_off
from settlement.laws.terms_settled import terms_off
from settlement.laws.true_ups import true_ups_off
from settlement.models import FrozenTerms, Journal, LedgerAccount, LedgerDay, LedgerEntry, Statement
from settlement.posting.post_channel import fee_rates
from settlement.splitting.models import Split
from settlement.splitting.verify import counters_off, passed_on_off, payments_off
from settlement.views import BooksReport, Finding
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading

EXAMPLES = 5


async def verify_books(db: Reading) -> BooksReport:
    """Recount the books of the tenant."""
    findings = []
    for law, (broken, counted) in _laws(db, rates=await fee_rates(db)).items():
        checked = select(func.count()).select_from(counted).where(counted.tenant_id == db.tenant_id)
        findings.append(
            await _finding(db, law, broken=broken, checked=(await db.execute(checked)).scalar_one())
        )
    return BooksReport(findings=[*findings, await _finding_of_terms(db)])


Laws = dict[str, tuple[Rows, Any]]
"""Each law: what breaks it, and the table whose rows it is about."""


def _laws(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Laws:
    return {
        **_laws_of_entries(db),
        **_laws_of_the_channel(db, rates=rates),
        **_laws_of_sales(db),
        "every statement equals its entries and goes on from the one before": (statements_off(db), Statement),
        "every closed month has its statements": (missing_statements(db), Statement),
        "every line that moved money has frozen terms": (lines_without_terms(db), FrozenTerms),
        "every true-up gave what was reckoned, and took it from somebody": (true_ups_off(db), TrueUp),
    }


def _laws_of_entries(db: Reading) -> Laws:
    return {
        "balances recomputed from the entries equal the stored ones": (balances_off(db), LedgerAccount),
        "every entry moves between the accounts its cause names, of its own store and party": (
            wrong_sides(db),
            LedgerEntry,
        ),
        "every entry stands in a journal of its own cause": (without_journal(db), LedgerEntry),
        "nothing stays on clearing: each journal passes on what it takes": (left_in_clearing(db), Journal),
        "every sealed day is what it was when it was sealed": (broken_days(db), LedgerDay),
    }


def _laws_of_the_channel(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Laws:
    return {
        "every payment and refund through the channel has its fee booked, and none is left of what went back whole": (
            fees_off(db),
            Journal,
        ),
        "every fee is its merchant's rate of the payment, and what is left of it that of what is kept": (
            fees_off_rate(db, rates=rates),
            Journal,
        ),
        "suspense holds what came in unwanted and has not gone back": (suspense_off(db), LedgerAccount),
        "per order each party bears what its contract says of coupons": (coupons_shared_off(db), LedgerEntry),
    }


def _laws_of_sales(db: Reading) -> Laws:
    return {
        "per order line the ledger holds what was paid less what was refunded": (kept_off(db), LedgerEntry),
        "per order line each party holds exactly its part of split(kept)": (shares_off(db), LedgerEntry),
        "per refund without a known sale each party gave exactly its part of split(amount)": (
            loose_off(db),
            LedgerEntry,
        ),
        "per order and party the ledger paid what splits gave less what returns brought back": (
            payments_off(db),
            Split,
        ),
        "per order the counter of split money equals parts less what was asked back": (
            counters_off(db),
            Split,
        ),
        "per line its collector, and nobody else, has taken exactly what is kept": (
            collected_off(db),
            LedgerEntry,
        ),
        "per order a collector passed on exactly what splits took from it": (passed_on_off(db), Split),
        "per order line each funder bears exactly its part of the discount on what is kept": (
            funded_off(db),
            TermsFunder,
        ),
        "of an order given back whole every party stands at nothing": (left_of_given_back(db), LedgerEntry),
    }


async def _finding(db: Reading, law: str, *, broken: Rows, checked: int) -> Finding:
    found = broken.subquery()
    counted = select(found.c.what, func.count().over().label("broken")).order_by(found.c.what).limit(EXAMPLES)
    rows = (await db.execute(counted)).all()
    return Finding(
        law=law, checked=checked, broken=rows[0].broken if rows else 0, examples=[row.what for row in rows]
    )


async def _finding_of_terms(db: Reading) -> Finding:
    found = await terms_off(db)
    return Finding(
        law="all true-ups of a term are together what it gives less what its sales gave",
        checked=found.terms,
        broken=len(found.off),
        examples=sorted(found.off)[:EXAMPLES],
    )
