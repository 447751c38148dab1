"""WeCom's own words. Answers come with status 200 either way; `errcode` tells errors apart."""

import msgspec


class WayAnswer(msgspec.Struct, frozen=True):
    """add_contact_way."""

    config_id: str
    qr_code: str = ""


class StartedCustomer(msgspec.Struct, frozen=True):
    """One contact of transfer_customer."""

    external_userid: str
    errcode: int


class StartAnswer(msgspec.Struct, frozen=True):
    """transfer_customer."""

    customer: list[StartedCustomer] = []


class ResultCustomer(msgspec.Struct, frozen=True):
    """One contact of transfer_result."""

    external_userid: str
    status: int
    takeover_time: int = 0


class ResultAnswer(msgspec.Struct, frozen=True):
    """transfer_result, a page."""

    customer: list[ResultCustomer] = []
    next_cursor: str = ""


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A member who has the contact."""

    userid: str
    state: str = ""
    add_way: int = 0
    createtime: int = 0
    oper_userid: str = ""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """The contact itself."""

    external_userid: str
    name: str = ""
    unionid: str = ""


class ContactAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """get, a page of followers."""

    about: About = msgspec.field(name="external_contact")
    followers: list[Follower] = msgspec.field(name="follow_user", default_factory=list)
    next_cursor: str = ""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One contact left behind."""

    handover_userid: str
    external_userid: str
    dimission_time: int = 0


class UnassignedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """get_unassigned_list, a page."""

    left: list[Left] = msgspec.field(name="info", default_factory=list)
    is_last: bool = True
    next_cursor: str = ""
