"""What the simulator remembers of mini-programs: apps, one-use codes, tokens, consents, messages, parcels. No behaviour."""

from datetime import datetime

import msgspec


class App(msgspec.Struct):
    """A mini-program. With `trade_managed`, what it takes is settled only after shipping and receipt."""

    appid: str
    secret: str
    trade_managed: bool = False
    pages: list[str] = []
    push_url: str | None = None
    push_token: str = ""
    push_aes_key: str = ""
    """With a key messages are sealed (安全模式)."""


class LoginCode(msgspec.Struct):
    """A one-use code of wx.login."""

    appid: str
    openid: str
    unionid: str | None
    expires_at: datetime


class PhoneCode(msgspec.Struct):
    """A one-use code of the phone button."""

    appid: str
    phone: str
    expires_at: datetime


class AccessToken(msgspec.Struct):
    """A token of a mini-program, or of a WeCom application (`holder` is `corpid/application`)."""

    holder: str
    expires_at: datetime
    stable: bool = False


class Consent(msgspec.Struct, kw_only=True):
    """How many messages a shopper still accepts of a template."""

    appid: str
    openid: str
    template_id: str
    left: int


class Message(msgspec.Struct, kw_only=True, rename="camel"):
    """A subscribe message that was sent."""

    appid: str
    openid: str
    template_id: str
    page: str | None
    values: dict[str, str]
    at: datetime


class Parcel(msgspec.Struct, kw_only=True):
    """The shipping that was uploaded for a payment."""

    payment: str
    appid: str
    openid: str
    logistics_type: int
    delivery_mode: int
    all_delivered: bool
    items: list[dict[str, str]]
    uploaded_at: datetime
    modified: int = 0
    confirms_at: datetime
    confirmed_at: datetime | None = None
    by_shopper: bool = False
    settled_at: datetime | None = None
