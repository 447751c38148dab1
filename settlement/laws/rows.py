"""What a law is: a statement whose rows each tell, as `what`, one thing that is not as it should be."""

from typing import Any

from sqlalchemy import CompoundSelect, Select

Rows = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
