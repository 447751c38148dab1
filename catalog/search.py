"""Chinese search: what of a product can be searched, and the characters and pairs of characters that find it.

Folds text (width, case), cuts it into words, and words into grams; keeps the posting table in step with the products. Which
products a store may show is the listings' question; nothing here looks at an assortment.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
from sqlalchemy import text

from tenants.kernel.ids import SpuId
from tenants.kernel.scope import Reading, Writing

LONGEST_SEARCH = 64
"""Characters of a search text that count; the rest is cut off."""
LONGEST_GRAM = 2
_WORD = re.compile(r"\w+")


def searchable_text(*, title: str, subtitle: str | None, brand_name: str | None, code: str) -> str:
    """What a product is found by. `SEARCHABLE_SQL` says the same to the database; change both or neither."""
    return " ".join(part for part in (title, subtitle, brand_name, code) if part)


SEARCHABLE_SQL = "lower(normalize(concat_ws(' ', u.title, u.subtitle, u.brand_name, u.code), NFKC))"


def words(searched: str) -> list[str]:
    """Fold the text (full width to half, upper case to lower) and cut it at everything that is neither letter nor digit."""
    return _WORD.findall(unicodedata.normalize("NFKC", searched).lower())


def grams(searchable: str) -> set[str]:
    """Every character and every pair of neighbouring characters of the text's words, so that one character suffices to search."""
    return {
        word[at : at + size]
        for word in words(searchable)
        for size in (1, 2)
        for at in range(len(word) - size + 1)
    }


class SearchTerms(msgspec.Struct, frozen=True):
    """A search text taken apart: all `grams` must stand in the posting table, then all `words` in the product's text."""

    words: tuple[str, ...]
    grams: tuple[str, ...]


def search_terms(searched: str) -> SearchTerms:
    """Take a search text apart. Of a longer word pairs alone are looked up: they imply its characters."""
    found = tuple(dict.fromkeys(words(searched[:LONGEST_SEARCH])))
    wanted = {
        gram
        for word in found
        for gram in ([word] if len(word) == 1 else (word[at : at + 2] for at in range(len(word) - 1)))
    }
    return SearchTerms(found, tuple(sorted(wanted)))


async def index_products(db: Writing, searchable: Mapping[SpuId, str]) -> None:
    """Replace the postings of these products by those of their searchable text."""
    if not searchable:
        return
    spu_ids = list(searchable)
    pairs = [(spu_id, gram) for spu_id in spu_ids for gram in sorted(grams(searchable[spu_id]))]
    await db.execute(
        text(
            "DELETE FROM app.search_grams WHERE tenant_id = :tenant_id AND spu_id = ANY(CAST(:spu_ids AS uuid[]))"
        ),
        {"tenant_id": db.tenant_id, "spu_ids": spu_ids},
    )
    await db.execute(
        text(
            "INSERT INTO app.search_grams (tenant_id, gram, spu_id)"
            " SELECT :tenant_id, found.gram, found.spu_id"
            " FROM unnest(CAST(:grams AS text[]), CAST(:spu_ids AS uuid[])) AS found (gram, spu_id)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "tenant_id": db.tenant_id,
            "grams": [gram for _, gram in pairs],
            "spu_ids": [spu_id for spu_id, _ in pairs],
        },
    )


async def index_again(db: Writing, spu_ids: Iterable[SpuId]) -> None:
    """Rebuild the postings of these products from their rows."""
    rows = await _products(db, list(spu_ids))
    await index_products(db, rows)


async def _products(db: Reading, spu_ids: list[UUID]) -> dict[SpuId, str]:
    found = await db.execute(
        text(
            "SELECT id, title, subtitle, brand_name, code FROM app.spus"
            " WHERE tenant_id = :tenant_id AND id = ANY(CAST(:spu_ids AS uuid[]))"
        ),
        {"tenant_id": db.tenant_id, "spu_ids": spu_ids},
    )
    return {
        SpuId(row.id): searchable_text(
            title=row.title, subtitle=row.subtitle, brand_name=row.brand_name, code=row.code
        )
        for row in found
    }
