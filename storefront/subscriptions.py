"""Which verbs react to which events: the whole list, on one screen.

Every event that any floor publishes stands here, with an empty tuple when nobody reacts: an unknown kind is parked, never skipped.
"""

from typing import Final

from storefront.reactions import Subscriptions

SUBSCRIPTIONS: Final[Subscriptions] = {}
