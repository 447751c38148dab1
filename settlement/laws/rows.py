"""What a law is: a statement whose rows each tell, as `what`, one thing that is not as it should be."""

from typing import Any

from sqlalchemy import CompoundSelect, Select, String, cast, func

Rows = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


def told(*parts: Any) -> Any:
    """One sentence of its parts."""
    return func.concat_ws(" ", *(cast(part, String) for part in parts)).label("what")
