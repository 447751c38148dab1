"""Opening hours as people write them in Chinese, read into a weekly table when the reading is certain.

Pure. Holidays, seasons, typing errors and everything with two readings are refused with a reason: a shopper sent to a closed door costs more
than a table somebody has to fill in by hand. The caller keeps the text in every case.
"""

import re
import unicodedata

import msgspec

from tenants.hours import WeeklySpan

DAY_NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "日": 7, "天": 7}
EVERY_DAY = frozenset(range(1, 8))
NAMED_DAYS = {
    "周末": frozenset({6, 7}),
    "工作日": frozenset(range(1, 6)),
    "每天": EVERY_DAY,
    "每日": EVERY_DAY,
    "天天": EVERY_DAY,
    "全周": EVERY_DAY,
    "全年无休": EVERY_DAY,
}
MIDNIGHT = 24 * 60
LATEST_AFTER_MIDNIGHT = 6 * 60
"""A closing time up to 06:00 belongs to the night before; one later than that is more likely a mistake."""
EARLIEST_OPENING = 4 * 60
NOON = 12 * 60

UNREPRESENTABLE = re.compile(r"节|假|季|月|春|夏|秋|冬|预约|约|左右|不定|另行|以.*为准|如|除")
FILLER = re.compile(r"(?<!不)(?:营业时间|开放时间|营业|开放|开门)|时间|为|是|均")
LONGEST = 300
TOKEN = re.compile(
    r"(?P<day>(?:周|星期|礼拜)(?P<dayname>[一二三四五六日天])|(?P<named>周末|工作日|每天|每日|天天|全周|全年无休))"
    r"|(?P<allday>24小时|全天)"
    r"|(?P<time>(?P<night>次日|第二天|翌日|隔天)?(?P<half>上午|早上|早晨|凌晨|中午|下午|傍晚|晚上|早|晚)?"
    r"(?<!\d)(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2})(?!\d)|点(?P<past>半|\d{1,2}分?)?))"
    r"|(?P<closed>休息|不营业|不开放|不开门|闭馆|闭店|店休|休)"
    r"|(?P<dash>-)"
    r"|(?P<bareday>[一二三四五六日天](?!\d))"
    r"|(?P<colon>:)"
    r"|(?P<and>[和及与&、/])"
    r"|(?P<break>[,;。|\s]+)"
)


class HoursRead(msgspec.Struct, frozen=True):
    """The weekly table, or None and the reason why the text gave none."""

    weekly: tuple[WeeklySpan, ...] | None
    reason: str = ""


class _Unsure(Exception):
    """The text has no reading, or more than one."""


class _Time(msgspec.Struct, frozen=True):
    minutes: int
    next_day: bool
    """The text says so: 次日."""
    two_digits: bool
    half_named: bool


WHOLE_DAY = (
    _Time(0, next_day=False, two_digits=True, half_named=False),
    _Time(MIDNIGHT, next_day=False, two_digits=True, half_named=False),
)


class _Token(msgspec.Struct, frozen=True):
    kind: str
    days: frozenset[int] = frozenset()
    time: _Time | None = None


def hours_from_text(text: str) -> HoursRead:
    """Read opening hours; days that the text names nowhere are closed days, unless it names no day at all: then all are meant."""
    if len(text) > LONGEST:
        return HoursRead(None, "too long for opening hours (文字过长)")
    plain = _plain(text)
    if not plain:
        return HoursRead(None, "no opening hours (没有营业时间)")
    if UNREPRESENTABLE.search(plain):
        return HoursRead(
            None, "holidays, seasons or exceptions: no weekly table says that (含节假日或季节安排)"
        )
    try:
        return HoursRead(_weekly(_clauses(_tokens(FILLER.sub(" ", plain)))))
    except _Unsure as unsure:
        return HoursRead(None, f"{unsure} (营业时间无法确定)")


def _plain(text: str) -> str:
    """One spelling for what looks alike: full-width signs, every dash and every word for "to"."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("\"'“”").strip()
    return re.sub(r"\s*(?:[-—–―−‐‑~〜∼至到]|--)+\s*", "-", plain)


def _tokens(plain: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(plain):
        match = TOKEN.match(plain, place)
        if match is None:
            raise _Unsure(f"{plain[place : place + 12]!r} is not understood")
        tokens.append(_token(match))
        place = match.end()
    return tokens


def _token(match: re.Match[str]) -> _Token:
    kind = match.lastgroup
    if match["day"]:
        days = NAMED_DAYS.get(match["named"] or "") or frozenset({DAY_NUMBERS[match["dayname"]]})
        return _Token("day" if match["dayname"] else "days", days=days)
    if match["bareday"]:
        return _Token("bareday", days=frozenset({DAY_NUMBERS[match["bareday"]]}))
    if match["time"]:
        return _Token("time", time=_time(match))
    return _Token(str(kind))


def _time(match: re.Match[str]) -> _Time:
    hour, past = int(match["hour"]), match["past"] or ""
    minute = int(match["minute"] or 0) or (30 if past == "半" else int(past.rstrip("分") or 0))
    half = match["half"]
    if half in {"下午", "傍晚", "晚上", "晚"} and hour <= 12:  # noqa: PLR2004 the clock's half
        hour = 24 if hour == 12 and half in {"晚上", "晚"} else hour % 12 + 12  # noqa: PLR2004
    elif half == "中午" and hour <= 3:  # noqa: PLR2004 one o'clock at noon
        hour += 12
    elif half in {"上午", "早上", "早晨", "早"} and hour >= 12:  # noqa: PLR2004
        raise _Unsure("a morning hour after noon")
    if minute > 59 or hour > 30:  # noqa: PLR2004 30:00 is six in the morning, as some shops write it
        raise _Unsure(f"{hour}:{minute:02d} is no time")
    next_day = bool(match["night"]) or (half == "凌晨")
    return _Time(hour * 60 + minute, next_day, len(match["hour"]) == 2, half is not None)  # noqa: PLR2004


def _clauses(tokens: list[_Token]) -> list[tuple[frozenset[int] | None, list[tuple[_Time, _Time]]]]:
    """Part the tokens into (days, ranges): days first, then their ranges; an empty list of ranges means closed."""
    clauses: list[tuple[frozenset[int] | None, list[tuple[_Time, _Time]]]] = []
    rest = [token for token in tokens if token.kind not in {"colon", "break", "and"}]
    while rest:
        days, rest = _days(rest)
        ranges, rest = _ranges(rest)
        if not ranges:
            if not (days and rest and rest[0].kind == "closed"):
                raise _Unsure("days without hours, or hours without an end")
            while rest and rest[0].kind == "closed":
                rest = rest[1:]
        clauses.append((days, ranges))
    if not clauses:
        raise _Unsure("no hours")
    return clauses


def _days(rest: list[_Token]) -> tuple[frozenset[int] | None, list[_Token]]:
    days: frozenset[int] = frozenset()
    while rest and rest[0].kind in {"day", "days"}:
        found = rest[0].days
        is_range = len(rest) > 2 and rest[1].kind == "dash" and rest[2].kind in {"day", "bareday"}  # noqa: PLR2004
        if is_range and rest[0].kind == "day":
            found = _from_to(found, rest[2].days)
            rest = rest[2:]
        if days & found:
            raise _Unsure("a day is named twice")
        days, rest = days | found, rest[1:]
    return days or None, rest


def _from_to(first: frozenset[int], last: frozenset[int]) -> frozenset[int]:
    """The days from one to another, around the week's end where the text goes there (周日至周四)."""
    start, end = next(iter(first)), next(iter(last))
    return frozenset((start - 1 + step) % 7 + 1 for step in range((end - start) % 7 + 1))


def _ranges(rest: list[_Token]) -> tuple[list[tuple[_Time, _Time]], list[_Token]]:
    ranges: list[tuple[_Time, _Time]] = []
    while rest and rest[0].kind in {"time", "allday"}:
        if rest[0].kind == "allday":
            while rest and rest[0].kind == "allday":
                rest = rest[1:]
            ranges.append(WHOLE_DAY)
            continue
        kinds = [token.kind for token in rest[:3]]
        if kinds != ["time", "dash", "time"] or rest[0].time is None or rest[2].time is None:
            raise _Unsure("hours without a beginning or an end")
        ranges.append((rest[0].time, rest[2].time))
        rest = rest[3:]
    return ranges, rest


def _weekly(
    clauses: list[tuple[frozenset[int] | None, list[tuple[_Time, _Time]]]],
) -> tuple[WeeklySpan, ...]:
    if any(days is None for days, _ in clauses) and len(clauses) > 1:
        raise _Unsure("hours with and without days")
    weekly: list[WeeklySpan] = []
    named: set[int] = set()
    for days, ranges in clauses:
        these = EVERY_DAY if days is None else days
        if named & these:
            raise _Unsure("a day has two sets of hours")
        named |= these
        weekly += _hours_of(these, ranges)
    if not weekly:
        raise _Unsure("closed on every day")
    return tuple(weekly)


def _hours_of(days: frozenset[int], ranges: list[tuple[_Time, _Time]]) -> list[WeeklySpan]:
    hours = []
    until = 0
    for place, (opens, closes) in enumerate(ranges):
        start, end = _checked(opens, closes)
        if start < until or (place and until > MIDNIGHT):
            raise _Unsure("hours overlap")
        until = end
        hours.append(WeeklySpan(days=tuple(sorted(days)), opens=_clock(start), closes=_clock(end)))
    return hours


def _checked(opens: _Time, closes: _Time) -> tuple[int, int]:
    """Minutes from midnight of opening and closing (beyond 24:00 after midnight); refuses what is likelier a slip than a night."""
    start, end = opens.minutes, closes.minutes
    if opens.half_named and not closes.half_named and not closes.two_digits:
        raise _Unsure("the closing hour may be morning or evening")
    if 0 < start < EARLIEST_OPENING or start >= MIDNIGHT or opens.next_day:
        raise _Unsure("opening at night")
    if start == end:
        raise _Unsure("opens when it closes")
    if end == 0:
        end = MIDNIGHT
    if end < start or (closes.next_day and end <= LATEST_AFTER_MIDNIGHT):
        is_certain = closes.next_day or closes.two_digits or start >= NOON
        if end > LATEST_AFTER_MIDNIGHT or not is_certain:
            raise _Unsure("closes before it opens")
        end += MIDNIGHT
    return start, end


def _clock(minutes: int) -> str:
    """24:00 stays 24:00; a minute later it is the next morning."""
    shown = minutes if minutes <= MIDNIGHT else minutes - MIDNIGHT
    return f"{shown // 60:02d}:{shown % 60:02d}"
