"""Who runs a store and whose money it is: the words. Pure; the dated rows are `own_store`'s to write and `standings`' to read.

The ground floor knows no parties; it knows the code by which the floors above name one, because a merchant number belongs to somebody.
"""

from tenants.states import Ownership

OWNED_BY_OTHERS = (Ownership.FRANCHISE, Ownership.AGENT)
"""Who runs these stores has a code and a name of his own; the others are the brand's."""
PARTY_KINDS = {Ownership.FRANCHISE: "franchisee", Ownership.AGENT: "agent"}


def owner_party_code(ownership: Ownership, owner_code: str | None) -> str | None:
    """The code of the party that runs the store (`franchisee:F01`); None for the brand."""
    kind = PARTY_KINDS.get(ownership)
    return f"{kind}:{owner_code}" if kind and owner_code else None


def owner_matches(ownership: Ownership, owner_code: str | None) -> bool:
    """Whether an owner's code is there exactly where there is an owner other than the brand."""
    return (ownership in OWNED_BY_OTHERS) == bool(owner_code)


def sells_for_itself(ownership: Ownership) -> bool:
    """Whether what is left of a sale is the owner's: a franchisee sells its own goods, an agent the brand's, a joint store's are the brand's."""
    return ownership is Ownership.FRANCHISE
