"""Laws that rows must keep, as SQL that counts from scratch: each selects the rows that break it. Reads only; who runs them decides what follows."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import text

from tenants.kernel.scope import Reading

EXAMPLES = 5


class BrokenLaw(msgspec.Struct, frozen=True, kw_only=True):
    """A law, how many rows break it, and what the first few say."""

    law: str
    broken: int
    examples: list[str]


async def broken_laws(db: Reading, laws: Mapping[str, str], **given: object) -> list[BrokenLaw]:
    """The laws that do not hold. Each statement names the tenant as `:tenant_id` and calls its one column `what`."""
    found = []
    for law, statement in laws.items():
        counted = text(
            f"SELECT what, count(*) OVER () AS broken FROM ({statement}) told ORDER BY what LIMIT {EXAMPLES}"
        )
        rows = (await db.execute(counted, {"tenant_id": db.tenant_id, **given})).all()
        if rows:
            told = [str(row.what) for row in rows]
            found.append(BrokenLaw(law=law, broken=rows[0].broken, examples=told))
    return found
