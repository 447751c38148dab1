"""External contacts and contact ways, and what shoppers and members do by hand: adding, deleting. Only hands cause callbacks."""

from datetime import timedelta
from typing import Any

from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import letters
from storefront.simulators.wechat_pay.letters import Letter
from storefront.simulators.wecom.records import Contact, ContactWay, Corp, Follow
from storefront.simulators.wecom.transfers import BAD_PARAMETER, NO_MEMBER, WecomRefusal

NO_WAY_TYPE, BAD_SCENE, NO_WAY, NO_RELATION = 41037, 41040, 41044, 84061
ONE, MANY = 1, 2
LONGEST_STATE, LONGEST_REMARK, TEMPORARY_DAYS = 30, 30, 14
SCANNED = 1
"""How a contact came: by a code."""


def add_way(simulation: Simulation, corp: Corp, *, body: dict[str, Any]) -> dict[str, object]:
    """Make a contact way."""
    kind, users = body.get("type"), body.get("user", [])
    if kind not in {ONE, MANY}:
        raise WecomRefusal(NO_WAY_TYPE, "missing type")
    if body.get("scene") not in {1, 2}:
        raise WecomRefusal(BAD_SCENE, "invalid scene")
    if (
        not isinstance(users, list)
        or (kind == ONE and len(users) != 1)
        or (not users and not body.get("party"))
    ):
        raise WecomRefusal(BAD_PARAMETER, "invalid Request Parameter: user")
    if any(user not in corp.members or corp.members[user].left_at is not None for user in users):
        raise WecomRefusal(NO_MEMBER, "userid not found")
    if len(str(body.get("state", ""))) > LONGEST_STATE or len(str(body.get("remark", ""))) > LONGEST_REMARK:
        raise WecomRefusal(BAD_PARAMETER, "invalid Request Parameter: state or remark too long")
    lives = timedelta(seconds=int(body.get("expires_in", 7 * 86_400)))
    if body.get("is_temp") and lives > timedelta(days=TEMPORARY_DAYS):
        raise WecomRefusal(BAD_PARAMETER, "invalid Request Parameter: expires_in")
    way = ContactWay(
        config_id=simulation.draw("way")[:32],
        type=kind,
        scene=body["scene"],
        users=users,
        state=str(body.get("state", "")),
        remark=str(body.get("remark", "")),
        skip_verify=bool(body.get("skip_verify", True)),
        is_temp=bool(body.get("is_temp")),
        expires_at=simulation.clock.now() + lives if body.get("is_temp") else None,
    )
    corp.ways[way.config_id] = way
    return {"config_id": way.config_id, "qr_code": f"https://wework.example/{way.config_id}"}


def find_way(corp: Corp, body: dict[str, Any]) -> ContactWay:
    """Find a contact way."""
    found = corp.ways.get(str(body.get("config_id", "")))
    if found is None:
        raise WecomRefusal(NO_WAY, "invalid config_id")
    return found


def way_body(way: ContactWay) -> dict[str, object]:
    """A contact way in WeCom's words."""
    return {
        "contact_way": {
            "config_id": way.config_id,
            "type": way.type,
            "scene": way.scene,
            "user": way.users,
            "state": way.state,
            "remark": way.remark,
            "skip_verify": way.skip_verify,
            "is_temp": way.is_temp,
            "qr_code": f"https://wework.example/{way.config_id}",
        }
    }


def details(corp: Corp, external: str) -> dict[str, object]:
    """An external contact with the members who follow it."""
    contact = corp.contacts.get(external)
    if contact is None or not contact.follows:
        raise WecomRefusal(NO_RELATION, "not external contact")
    about = {"external_userid": external, "name": contact.name, "type": 1, "gender": 0, "avatar": ""}
    return {
        "external_contact": about | ({"unionid": contact.unionid} if contact.unionid else {}),
        "follow_user": [
            {
                "userid": each.userid,
                "remark": each.remark,
                "description": "",
                "createtime": int(each.created_at.timestamp()),
                "tags": [],
                "remark_mobiles": [],
                "state": each.state,
                "add_way": each.add_way,
                "oper_userid": each.oper_userid or each.userid,
            }
            for each in contact.follows
        ],
        "next_cursor": "",
    }


def scan(
    simulation: Simulation,
    corp: Corp,
    *,
    userid: str,
    state: str,
    told_state: str,
    external: str | None,
    unionid: str | None,
) -> tuple[Contact, list[Letter]]:
    """A shopper adds a member; `told_state` is what the event says, which is not always what was configured."""
    contact = corp.contacts.get(external or "")
    if contact is None:
        drawn = external or "wm" + simulation.draw("external")[:30]
        contact = corp.contacts[drawn] = Contact(external_userid=drawn, name="微信用户", unionid=unionid)
    if any(each.userid == userid for each in contact.follows):
        # Already in contact: WeCom says nothing a second time.
        return contact, []
    contact.follows.append(
        Follow(
            userid=userid,
            created_at=simulation.clock.now(),
            state=state,
            add_way=SCANNED,
            oper_userid=contact.external_userid,
        )
    )
    fields: dict[str, str | int] = {"UserID": userid, "ExternalUserID": contact.external_userid}
    if told_state:
        fields["State"] = told_state
    fields["WelcomeCode"] = simulation.draw("welcome")[:32]
    return contact, letters.contact_changed(corp, "add_external_contact", fields=fields)


def part(corp: Corp, *, userid: str, external: str, by_shopper: bool) -> list[Letter]:
    """A shopper deletes a member, or a member deletes a shopper."""
    contact = corp.contacts.get(external)
    if contact is None or not any(each.userid == userid for each in contact.follows):
        raise WecomRefusal(NO_RELATION, "not external contact")
    contact.follows = [each for each in contact.follows if each.userid != userid]
    change = "del_follow_user" if by_shopper else "del_external_contact"
    return letters.contact_changed(corp, change, fields={"UserID": userid, "ExternalUserID": external})
