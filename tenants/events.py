"""The facts the ground floor publishes."""

from datetime import date

import msgspec


class DayBegan(msgspec.Struct, frozen=True, kw_only=True):
    """A day began (UTC): published once a day for every tenant, for whatever has to be looked after daily."""

    on: date
