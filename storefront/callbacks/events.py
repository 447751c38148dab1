"""What the roof itself publishes: a verified message of a vendor was kept in the inbox."""

import msgspec


class ContactMessageKept(msgspec.Struct, frozen=True, kw_only=True):
    """WeCom told that something changed between a shopper and a guide."""

    source: str
    external_id: str


class PushMessageKept(msgspec.Struct, frozen=True, kw_only=True):
    """The mini-program's platform told that something happened to an order's money."""

    source: str
    external_id: str
