"""Cashiers' statements and tills' day files as lines: any CSV or workbook, through a mapping. A file is read whole or refused whole.

Amounts of refunds are taken as positive whatever sign a file gives them; where no column says what a line is, the sign of its gross does.
"""

from pathlib import Path
from typing import Any

from settlement.reconciliation.commands import StatementLine
from storefront.imports.fields import FieldSpec, choice, code, day, money
from storefront.imports.kinds import Kind, RowWrong
from storefront.imports.mapping import Mapping
from storefront.imports.reading import FileUnreadable, open_source
from storefront.imports.rows import RowReader
from tenants.import_outcomes import Verdict, refusal

AMOUNTS = ("gross", "deduction", "platform_subsidy", "merchant_subsidy", "shipping", "fee", "net")
TOLD_AT_ONCE = 10
FIELDS = (
    FieldSpec(name="external_no", read=code, required=True),
    FieldSpec(name="business_on", read=day, required=True),
    FieldSpec(name="kind", read=choice, choices=("order", "refund", "adjust")),
    FieldSpec(name="settled_on", read=day),
    FieldSpec(name="refund_of", read=code),
    *(FieldSpec(name=name, read=money, required=name == "gross") for name in AMOUNTS),
)


def _build(number: int, values: dict[str, Any]) -> StatementLine:
    told = {name: value for name, value in values.items() if value is not None}
    if "gross" not in told:
        raise RowWrong(refusal("gross", "", reason="nothing was given (必填)"))
    kind: Any = told.pop("kind", None) or ("refund" if told["gross"] < 0 else "order")
    amounts = {
        f"{name}_fen": abs(told.pop(name)) if kind == "refund" else told.pop(name)
        for name in AMOUNTS
        if name in told
    }
    return StatementLine(number=number, kind=kind, **amounts, **told)


async def _unused(*_: Any, **__: Any) -> list[Any]:
    raise NotImplementedError("lines are taken in as a whole file")


STATEMENT = Kind(name="statement", fields=FIELDS, build=_build, verb=_unused, key=None)


def read_statement(path: Path, mapping: Mapping | None) -> tuple[list[StatementLine], int]:
    """Every line of a file, and how many rows the mapping left out; raises MappingWrong, or FileUnreadable with the first rows that are wrong."""
    source = open_source(path, mapping.source if mapping else None)
    reader = RowReader(source, STATEMENT, mapping=mapping)
    lines: list[StatementLine] = []
    wrong: list[str] = []
    left_out = 0
    for row in reader.rows():
        if row.left_out:
            left_out += 1
        elif row.row is not None:
            lines.append(row.row)
        else:
            wrong += [
                f"row {row.number}, {found.column}: {found.value!r} {found.reason}"
                for found in row.findings
                if found.verdict is Verdict.REFUSED
            ]
    if wrong:
        more = f"\n  … and {len(wrong) - TOLD_AT_ONCE} more" if len(wrong) > TOLD_AT_ONCE else ""
        raise FileUnreadable("nothing was taken in:\n  " + "\n  ".join(wrong[:TOLD_AT_ONCE]) + more)
    return lines, left_out
