"""Who counts as a person where two must decide. Pure.

Every door names a staff member alike (`staff:<id>`), so that the same person is refused whichever door is used second. A run that names
nobody (a timer, `cli:<user of the machine>`) may count and prepare; what is decided needs somebody who can be asked about it.
"""

from settlement.errors import PersonNeeded

STAFF = "staff:"


def is_person(actor: str) -> bool:
    """Whether the actor is a named member of the brand's or the mall's staff."""
    return actor.startswith(STAFF)


def refuse_nobody(actor: str) -> None:
    """Raise PersonNeeded where nobody in particular decides."""
    if not is_person(actor):
        raise PersonNeeded(details={"by": f"{actor} names nobody"})
