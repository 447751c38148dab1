"""What the simulator remembers of WeCom: corps, members, external contacts, contact ways, transfers. No behaviour."""

from datetime import datetime

import msgspec


class Member(msgspec.Struct, kw_only=True):
    """An employee of a corp."""

    userid: str
    name: str = ""
    activated: bool = True
    real_name: bool = True
    in_scope: bool = True
    contact_limit: int = 20_000
    left_at: datetime | None = None


class Follow(msgspec.Struct, kw_only=True):
    """A member's side of the bond with an external contact."""

    userid: str
    created_at: datetime
    state: str = ""
    add_way: int = 1
    oper_userid: str = ""
    remark: str = ""


class Contact(msgspec.Struct, kw_only=True):
    """An external contact: a shopper as the corp sees them."""

    external_userid: str
    name: str
    unionid: str | None = None
    refuses: bool = False
    follows: list[Follow] = []
    moved_at: list[datetime] = []


class ContactWay(msgspec.Struct, kw_only=True):
    """A contact way: a code or button through which shoppers add members."""

    config_id: str
    type: int
    scene: int
    users: list[str]
    state: str = ""
    remark: str = ""
    skip_verify: bool = True
    is_temp: bool = False
    expires_at: datetime | None = None


class Transfer(msgspec.Struct, kw_only=True):
    """One contact on its way from one member to another. Status: 1 done, 2 waiting, 3 refused, 4 the taker has too many."""

    external_userid: str
    handover: str
    takeover: str
    resigned: bool
    started_at: datetime
    due_at: datetime
    status: int = 2
    taken_at: datetime | None = None


class Unassigned(msgspec.Struct, kw_only=True):
    """A contact left behind by a member who is gone."""

    handover: str
    external_userid: str
    left_at: datetime


class GroupChat(msgspec.Struct, kw_only=True):
    """A group of shoppers, and the member it belongs to."""

    chat_id: str
    name: str
    owner: str
    moved_on: list[str] = []
    """Days (in Beijing) on which it was given on."""


class Corp(msgspec.Struct, kw_only=True):
    """A company in WeCom with its applications' secrets and its callback's keys."""

    corpid: str
    secrets: dict[str, str] = {}
    callback_url: str | None = None
    token: str = ""
    aes_key: str = ""
    members: dict[str, Member] = {}
    contacts: dict[str, Contact] = {}
    ways: dict[str, ContactWay] = {}
    transfers: list[Transfer] = []
    unassigned: list[Unassigned] = []
    groups: dict[str, GroupChat] = {}
