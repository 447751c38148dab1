"""Group chats of members who left: listed by owner, and given to a colleague, each group once a day."""

from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay.refusals import beijing_day
from storefront.simulators.wecom.records import Corp, GroupChat
from storefront.simulators.wecom.transfers import BAD_PARAMETER, NO_MEMBER, NOT_ACTIVE, WecomRefusal

MOST_AT_ONCE = 100
NO_GROUP, STILL_HERE, ONCE_A_DAY, SAME_OWNER = 49008, 90500, 90501, 90502


def transfer(simulation: Simulation, corp: Corp, *, body: dict[str, object]) -> dict[str, object]:
    """Answer groupchat/transfer: only the chats that could not be given on are listed."""
    chats, heir = body.get("chat_id_list"), corp.members.get(str(body.get("new_owner")))
    if not isinstance(chats, list) or not 1 <= len(chats) <= MOST_AT_ONCE:
        raise WecomRefusal(BAD_PARAMETER, "invalid Request Parameter: chat_id_list")
    if heir is None or heir.left_at is not None or not heir.in_scope:
        raise WecomRefusal(NO_MEMBER, "userid not found")
    if not heir.activated:
        raise WecomRefusal(NOT_ACTIVE, "user not activated")
    today = beijing_day(simulation.clock.now()).isoformat()
    failed: list[dict[str, object]] = []
    for chat_id in chats:
        group = corp.groups.get(str(chat_id))
        code, said = _refused(corp, group, heir=heir.userid, today=today)
        if code or group is None:
            failed.append({"chat_id": chat_id, "errcode": code, "errmsg": said})
            continue
        group.owner = heir.userid
        group.moved_on.append(today)
    return {"failed_chat_list": failed}


def _refused(corp: Corp, group: GroupChat | None, *, heir: str, today: str) -> tuple[int, str]:
    if group is None:
        return NO_GROUP, "chat not exist"
    owner = corp.members.get(group.owner)
    if owner is not None and owner.left_at is None:
        return STILL_HERE, "the owner of this chat is not resigned"
    if group.owner == heir:
        return SAME_OWNER, "new owner is the owner"
    return (ONCE_A_DAY, "the chat was transferred today") if today in group.moved_on else (0, "")
