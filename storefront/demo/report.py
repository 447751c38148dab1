"""What the demonstration hands to whoever shows it: log-ins, codes, links. Holds passwords, so it is kept beside the keys (mode 0600)."""

import msgspec


class DemoLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One log-in."""

    audience: str
    role: str
    tenant_code: str | None
    login: str
    password: str
    place: str


class DemoBrandReport(msgspec.Struct, frozen=True, kw_only=True):
    """One brand: how front ends name it, and a guide's link to enter by."""

    code: str
    name: str
    name_en: str
    tenant_id: str
    appid: str
    merchant_no: str
    flagship_id: str
    stores: dict[str, str]
    """Store code -> id."""
    scene_code: str


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole demonstration."""

    logins: list[DemoLogin]
    brands: list[DemoBrandReport]
    units: int
