"""The mini-program platform's own words. Answers come with status 200 either way; `errcode` tells errors apart."""

import msgspec


class Session(msgspec.Struct, frozen=True):
    """code2session's answer. The session key is not even read: nothing here needs it, and what is not held cannot leak."""

    openid: str | None = None
    unionid: str | None = None
    errcode: int = 0


class Watermark(msgspec.Struct, frozen=True):
    """Whose number it is."""

    appid: str = ""


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """A phone number."""

    pure_number: str = msgspec.field(name="purePhoneNumber")
    country_code: str = msgspec.field(name="countryCode", default="86")
    watermark: Watermark = Watermark()


class PhoneAnswer(msgspec.Struct, frozen=True):
    """getuserphonenumber."""

    phone: Phone = msgspec.field(name="phone_info")


class LinkAnswer(msgspec.Struct, frozen=True):
    """generate_urllink."""

    url_link: str


class TradeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """get_order's order, as far as it is used."""

    transaction_id: str
    order_state: int
    in_complaint: bool = False


class OrderAnswer(msgspec.Struct, frozen=True):
    """get_order."""

    order: TradeOrder


class ManagedAnswer(msgspec.Struct, frozen=True):
    """is_trade_managed."""

    is_trade_managed: bool
