"""JSON of vendors, read strictly: no field twice, so that no two readers can see two amounts; no NaN and no Infinity."""

import json
from typing import Any, NoReturn

from storefront.adapters.errors import CallbackKeyRepeated, CallbackMalformed


def strict_json(raw: bytes) -> Any:
    """Read a document; raises CallbackMalformed, CallbackKeyRepeated."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CallbackMalformed(part="json") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise CallbackKeyRepeated
    return read


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
