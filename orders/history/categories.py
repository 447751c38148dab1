"""The category of a line whose file names none: that of the brand's own SKU, because rates hang on it.

What the file says wins. A line's identity does not depend on it, so a file imported before and after the catalogue changed still meets
its own lines.
"""

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from catalog.codes import category_codes_of_skus
from orders.history.commands import OrderRow, RefundRow
from orders.states import LineKind
from tenants.kernel.scope import Reading

Row = TypeVar("Row", OrderRow, RefundRow)


async def with_categories(db: Reading, rows: Sequence[Row]) -> list[Row]:
    """The rows, goods without a category given their SKU's."""
    bare = {row.sku_code for row in rows if _is_bare(row) and row.sku_code}
    known = await category_codes_of_skus(db, sorted(bare)) if bare else {}
    return [
        replace(row, category_code=known[row.sku_code]) if _is_bare(row) and row.sku_code in known else row
        for row in rows
    ]


def _is_bare(row: OrderRow | RefundRow) -> bool:
    return row.category_code is None and row.kind == LineKind.GOODS and bool(row.sku_code)
