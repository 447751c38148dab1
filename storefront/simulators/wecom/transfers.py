"""Moving external contacts: on the job and after leaving, a day of waiting, refusal, the taker's limit, twice in ninety days."""

from datetime import datetime, timedelta

from storefront.simulators.state import Simulation
from storefront.simulators.wecom.records import Contact, Corp, Follow, Member, Transfer, Unassigned

TAKES = timedelta(hours=24)
WINDOW, MOST_IN_WINDOW = timedelta(days=90), 2
MOST_AT_ONCE, PAGE = 100, 1000
LEFT_AT_MOST = timedelta(days=365)
DONE, WAITING, REFUSED, TAKER_FULL = 1, 2, 3, 4
BAD_PARAMETER, NO_MEMBER, NOT_ACTIVE, NO_CONTACT, NOT_LEFT, NOT_REAL = (
    40058,
    60111,
    41054,
    40096,
    40097,
    40098,
)
TOO_OFTEN, MOVING, SAME_MEMBER, NOT_THEIRS = 40128, 40129, 40130, 40131


class WecomRefusal(Exception):
    """WeCom's no."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode, self.errmsg = errcode, errmsg


def start(
    simulation: Simulation, corp: Corp, *, handover: str, takeover: str, externals: list[str], resigned: bool
) -> list[dict[str, object]]:
    """Start moving contacts; for each, 0 says that it started, not that it will arrive."""
    if not 1 <= len(externals) <= MOST_AT_ONCE:
        raise WecomRefusal(BAD_PARAMETER, "invalid Request Parameter: external_userid")
    giver, taker = corp.members.get(handover), corp.members.get(takeover)
    if giver is None or taker is None or taker.left_at is not None or not taker.in_scope:
        raise WecomRefusal(NO_MEMBER, "userid not found")
    _check_members(simulation, giver, taker=taker, resigned=resigned)
    results: list[dict[str, object]] = []
    for external in externals:
        code = _refused(
            simulation, corp, giver=handover, taker=takeover, external=external, resigned=resigned
        )
        if code == 0:
            _begin(simulation, corp, Transfer(
                external_userid=external, handover=handover, takeover=takeover, resigned=resigned,
                started_at=simulation.clock.now(), due_at=simulation.clock.now() + TAKES,
            ))  # fmt: skip
        results.append({"external_userid": external, "errcode": code})
    return results


def _check_members(simulation: Simulation, giver: Member, *, taker: Member, resigned: bool) -> None:
    if not taker.activated:
        raise WecomRefusal(NOT_ACTIVE, "user not activated")
    if not taker.real_name:
        raise WecomRefusal(NOT_REAL, "takeover user not real name verified")
    if resigned and giver.left_at is None:
        raise WecomRefusal(NOT_LEFT, "handover user not resigned")
    if not resigned and giver.left_at is not None:
        raise WecomRefusal(NO_MEMBER, "userid not found")
    if giver.left_at is not None and simulation.clock.now() - giver.left_at > LEFT_AT_MOST:
        raise WecomRefusal(NO_MEMBER, "userid not found")


def _refused(
    simulation: Simulation, corp: Corp, *, giver: str, taker: str, external: str, resigned: bool
) -> int:
    contact = corp.contacts.get(external)
    if contact is None:
        return NO_CONTACT
    if giver == taker:
        return SAME_MEMBER
    if any((each.external_userid, each.status) == (external, WAITING) for each in corp.transfers):
        return MOVING
    theirs = any(each.userid == giver for each in contact.follows)
    waiting = any((each.handover, each.external_userid) == (giver, external) for each in corp.unassigned)
    if not (waiting if resigned else theirs):
        return NOT_THEIRS
    since = simulation.clock.now() - WINDOW
    return TOO_OFTEN if sum(moment > since for moment in contact.moved_at) >= MOST_IN_WINDOW else 0


def _begin(simulation: Simulation, corp: Corp, transfer: Transfer) -> None:
    corp.transfers.append(transfer)
    corp.contacts[transfer.external_userid].moved_at.append(simulation.clock.now())
    simulation.plan(transfer.due_at, "transfer", key=corp.corpid)


def come_due(simulation: Simulation, corpid: str, *, at: datetime) -> list[tuple[Corp, Transfer]]:
    """End every transfer whose day is over; returns those that failed, which WeCom tells of. An arrival is told to nobody."""
    corp, failed = simulation.state.corps[corpid], []
    for transfer in corp.transfers:
        if transfer.status != WAITING or transfer.due_at > at:
            continue
        contact, taker = corp.contacts[transfer.external_userid], corp.members[transfer.takeover]
        if contact.refuses:
            transfer.status = REFUSED
        elif held_by(corp, taker.userid) >= taker.contact_limit:
            transfer.status = TAKER_FULL
        else:
            _move(corp, contact, transfer=transfer, at=at)
            continue
        failed.append((corp, transfer))
    return failed


def held_by(corp: Corp, userid: str) -> int:
    """How many contacts a member has."""
    return sum(any(each.userid == userid for each in contact.follows) for contact in corp.contacts.values())


def _move(corp: Corp, contact: Contact, *, transfer: Transfer, at: datetime) -> None:
    transfer.status, transfer.taken_at = DONE, at
    left = [each for each in contact.follows if each.userid != transfer.handover]
    if not any(each.userid == transfer.takeover for each in left):
        # Way 202: assigned by the administrator.
        left.append(
            Follow(userid=transfer.takeover, created_at=at, add_way=202, oper_userid=transfer.takeover)
        )
    contact.follows = left
    corp.unassigned = [
        each
        for each in corp.unassigned
        if (each.handover, each.external_userid) != (transfer.handover, contact.external_userid)
    ]


def refuse(simulation: Simulation, corp: Corp, *, external: str) -> list[tuple[Corp, Transfer]]:
    """The shopper refuses: what waits ends at once, and whatever comes later will be refused, too."""
    corp.contacts[external].refuses = True
    failed = []
    for transfer in corp.transfers:
        if (transfer.external_userid, transfer.status) == (external, WAITING):
            transfer.status, transfer.due_at = REFUSED, simulation.clock.now()
            failed.append((corp, transfer))
    return failed


def results(corp: Corp, body: dict[str, object], *, resigned: bool) -> dict[str, object]:
    """What became of the transfers between two members, a page at a time."""
    own = [
        each
        for each in corp.transfers
        if (each.handover, each.takeover, each.resigned)
        == (body.get("handover_userid"), body.get("takeover_userid"), resigned)
    ]
    latest = list({each.external_userid: each for each in own}.values())
    begin = int(str(body.get("cursor") or 0))
    rows = [
        {"external_userid": each.external_userid, "status": each.status, "takeover_time": _taken(each)}
        for each in latest[begin : begin + PAGE]
    ]
    more = begin + PAGE < len(latest)
    return {"customer": rows, "next_cursor": str(begin + PAGE) if more else ""}


def _taken(transfer: Transfer) -> int:
    moments = {DONE: transfer.taken_at, WAITING: transfer.due_at}
    moment = moments.get(transfer.status)
    return 0 if moment is None else int(moment.timestamp())


def leave(simulation: Simulation, corp: Corp, *, userid: str) -> None:
    """A member leaves: their contacts wait to be assigned."""
    now = simulation.clock.now()
    corp.members[userid].left_at = now
    for contact in corp.contacts.values():
        if any(each.userid == userid for each in contact.follows):
            contact.follows = [each for each in contact.follows if each.userid != userid]
            corp.unassigned.append(
                Unassigned(handover=userid, external_userid=contact.external_userid, left_at=now)
            )
