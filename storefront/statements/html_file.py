"""A statement as a page to print and sign: A4, page numbers, totals, the hash, boxes for signatures and seals. The same bytes every time."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from storefront.statements.capital import capital_yuan
from storefront.statements.columns import CAUSES, RESIDUAL, rate_text
from storefront.statements.content import PRINTED_LINES, Content, Tally
from storefront.statements.sheets import (
    Yuan,
    adjustments_sheet,
    balance_rows,
    carried_sheet,
    head_rows,
    standing_words,
    tax_sheet,
)
from tenants.kernel.money import Fen, yuan_text

SHOWN_STORES = 60


def statement_page(content: Content, tally: Tally) -> bytes:
    """The whole page."""
    statement = content.statement
    adjustments = adjustments_sheet(content) if content.adjustments else None
    shown = _environment().get_template("statement.html").render(
        statement=statement, names=content.names, head=head_rows(content), balance=balance_rows(statement),
        in_words=capital_yuan(statement.closing_fen), standing=standing_words(statement), tally=tally,
        adjustments=adjustments, taxes=tax_sheet(tally), carried=carried_sheet(content),
        checks=tally.checks(), lines=tally.printed if len(tally.printed) <= PRINTED_LINES else None,
        stores=sorted(tally.stores.items()) if len(tally.stores) <= SHOWN_STORES else None,
    )  # fmt: skip
    return shown.encode()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["yuan"] = _yuan
    made.filters["rate"] = lambda bps: RESIDUAL if bps is None or bps < 0 else rate_text(bps)
    made.filters["cause"] = lambda cause: CAUSES[cause][0]
    made.tests["money"] = lambda cell: isinstance(cell, Yuan)
    return made


def _yuan(amount: Fen | Yuan) -> str:
    """Yuan with commas between thousands."""
    told = yuan_text(amount.fen if isinstance(amount, Yuan) else amount)
    whole, _, rest = told.removeprefix("-").partition(".")
    return f"{'−' if told.startswith('-') else ''}{int(whole):,}.{rest}"
