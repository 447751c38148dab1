"""From text to value: what each kind of field accepts, and the reason it gives when it does not.

Never rounds money without being told to, never reads a number through a float (coordinates apart), never guesses a date. A field that a row can live
without is left out with a warning; any other refuses its row.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from storefront.imports.mapping import FieldRule, NotReadable, json_cell
from tenants.import_outcomes import Finding, Verdict
from tenants.kernel.money import Fen, NotMoney, fen_from_text, fen_rounded

AMOUNT = re.compile(r"[-+]?[¥￥$£€]?\s*(?:\d{1,3}(?:[,，]\d{3})+|\d+)?(?:\.\d*)?\s*元?")
WHOLE = re.compile(r"([-+]?(?:\d{1,3}(?:,\d{3})+|\d+))(?:\.0*)?")
NOISE_DIGITS = Decimal("0.000001")
"""A workbook's 125.43999999999998 was 125.44: beyond the sixth decimal there is only the noise of binary numbers."""
YES = {"是", "1", "true", "t", "yes", "y", "√", "有", "真"}
NO = {"否", "0", "false", "f", "no", "n", "×", "x", "无", "假"}
MOMENT_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "%Y.%m.%d",
    "%Y%m%d",
    "%Y年%m月%d日 %H:%M",
)
EXCEL_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 a serial number has no zone until the mapping gives it one
EXCEL_DAYS = range(1, 2_958_466)
LONGEST_CODE = 128
UNLIKELY_PRICE = 100_000_000
"""Fen: a million yuan for one unit is rather a slip than a price."""
IMAGE = re.compile(
    r"(?:https?:)?//[^\s/]+/\S*|[^\s?&=]+\.(?:jpe?g|png|gif|webp|bmp|svg|avif)(?:\?\S*)?", re.IGNORECASE
)
BARCODE_LENGTHS = {8, 12, 13, 14}
MOBILE = r"1[3-9]\d{9}"
LANDLINE = r"\(?0\d{2,3}\)?[- ]?\d{7,8}(?:-\d{1,5})?"
SERVICE_LINE = r"[48]00-?\d{3}-?\d{4}"
PHONE = re.compile(rf"(?:\+?86[- ]?)?(?:{MOBILE}|{LANDLINE}|{SERVICE_LINE}|\+\d{{6,15}})")


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One of our fields: how it is read, whether a row needs it, and what a row does without it when it cannot be read."""

    name: str
    read: Callable[["Cell"], Any]
    required: bool = False
    lenient: bool = False
    """A text that cannot be read leaves the field empty with a warning, instead of refusing the row."""
    choices: tuple[str, ...] = ()
    lowest: int | None = None
    highest: int | None = None


class Cell(msgspec.Struct, frozen=True):
    """A field's text with all that may be needed to read it."""

    text: str
    spec: FieldSpec
    rule: FieldRule
    zone: ZoneInfo
    from_workbook: bool = False


class Doubtful(msgspec.Struct, frozen=True):
    """A value that is kept although something about it must be reported."""

    value: Any
    reason: str
    verdict: Verdict = Verdict.WARNING


def read_field(cell: Cell, *, column: str) -> tuple[Any, Finding | None]:
    """The field's value (None when nothing was given) and what the report must say about it."""
    if not cell.text:
        if cell.spec.required or cell.rule.required:
            return None, _finding(column, "", "nothing was given (必填)", verdict=Verdict.REFUSED)
        return None, None
    try:
        value = cell.spec.read(cell)
    except (NotReadable, NotMoney) as error:
        verdict = Verdict.WARNING if cell.spec.lenient else Verdict.REFUSED
        reason = f"{error}; left empty (已留空)" if cell.spec.lenient else str(error)
        return None, _finding(column, cell.text, reason, verdict=verdict)
    if isinstance(value, Doubtful):
        return value.value, _finding(column, cell.text, value.reason, verdict=value.verdict)
    return value, None


def _finding(column: str, text: str, reason: str, *, verdict: Verdict) -> Finding:
    return Finding(column=column, value=text, reason=reason, verdict=verdict)


def plain_text(cell: Cell) -> str:
    """Text as it is."""
    return cell.text


def code(cell: Cell) -> str:
    """A code of theirs, kept to the letter: 85123A and 85123a are two codes."""
    if len(cell.text) > LONGEST_CODE or any(sign in cell.text for sign in "\r\n\t"):
        raise NotReadable("a code is one line of at most 128 characters (编码过长或含换行)")
    return cell.text


def choice(cell: Cell) -> str:
    """One of our words; the mapping's `translate` leads there."""
    if cell.text not in cell.spec.choices:
        raise NotReadable(
            f"is none of {', '.join(cell.spec.choices)}; translate it in the mapping (取值不在范围内)"
        )
    return cell.text


def price(cell: Cell) -> Fen | Doubtful:
    """An amount as whole fen; one beyond a million yuan is kept and said: most often it was fen, or two cells in one."""
    amount = money(cell)
    if abs(amount) <= UNLIKELY_PRICE:
        return amount
    return Doubtful(amount, 'is more than a million yuan; say unit = "fen" if that was meant (金额异常大)')


def money(cell: Cell) -> Fen:
    """An amount as whole fen, from decimal text."""
    text = cell.text
    if not AMOUNT.fullmatch(text) or not any(sign.isdigit() for sign in text):
        raise NotReadable("is not an amount (不是金额)")
    text = text.removesuffix("元").strip().replace("，", ",").lstrip("+")
    if cell.rule.unit == "fen":
        return Fen(_bounded(cell, whole_number(text)))
    if cell.rule.round == "half_up":
        exact = Decimal(re.sub(r"[¥￥$£€,\s]", "", text)).quantize(NOISE_DIGITS)
        return Fen(_bounded(cell, fen_rounded(exact)))
    sign, text = ("-", text[1:].lstrip()) if text.startswith("-") else ("", text)
    try:
        amount = fen_from_text(text)
    except NotMoney as error:
        raise NotReadable(
            "has more than two decimals or is too large; say round in the mapping (超过两位小数)"
        ) from error
    return Fen(_bounded(cell, -amount if sign else amount))


def quantity(cell: Cell) -> int:
    """A whole number: "6", "6.0", "1,000", "-1"."""
    return _bounded(cell, whole_number(cell.text))


def whole_number(text: str) -> int:
    """Read a whole number that a spreadsheet may have given a decimal point."""
    match = WHOLE.fullmatch(text)
    if match is None or len(text) > 18:  # noqa: PLR2004 what a bigint holds
        raise NotReadable("is not a whole number (不是整数)")
    return int(match.group(1).replace(",", ""))


def _bounded(cell: Cell, number: int) -> int:
    if cell.spec.lowest is not None and number < cell.spec.lowest:
        raise NotReadable(f"is below {cell.spec.lowest} (数值过小)")
    if cell.spec.highest is not None and number > cell.spec.highest:
        raise NotReadable(f"is above {cell.spec.highest} (数值过大)")
    return number


def coordinate(cell: Cell) -> float:
    """Degrees; the one float here, because a place is measured, not counted."""
    try:
        degrees = float(cell.text)
    except ValueError as error:
        raise NotReadable("is not a coordinate (不是坐标)") from error
    limit = cell.spec.highest or 180
    if not -limit <= degrees <= limit:
        raise NotReadable(f"is not between -{limit} and {limit} degrees (坐标超出范围)")
    return degrees


def boolean(cell: Cell) -> bool:
    """是/否, TRUE/FALSE, 1/0, yes/no."""
    word = cell.text.lower()
    if word in YES or word in NO:
        return word in YES
    raise NotReadable("is neither yes nor no (不是是/否)")


def moment(cell: Cell) -> datetime:
    """A point in time, in UTC; without a zone of its own it is meant in the mapping's."""
    found = moment_as_written(cell)
    return (found if found.tzinfo else found.replace(tzinfo=cell.zone)).astimezone(UTC)


def day(cell: Cell) -> date:
    """A calendar day as written, in nobody's time zone."""
    return moment_as_written(cell).date()


def moment_as_written(cell: Cell) -> datetime:
    """A clock time as it stands in the cell, with a zone only where the text has one."""
    formats = (cell.rule.date_format,) if isinstance(cell.rule.date_format, str) else cell.rule.date_format
    if "excel" in formats or (cell.from_workbook and not formats):
        serial = _excel_serial(cell.text)
        if serial is not None:
            return serial
    for wanted in formats or MOMENT_FORMATS:
        try:
            return datetime.strptime(cell.text, wanted)  # noqa: DTZ007 the zone is the mapping's, given above
        except ValueError:
            continue
    if not formats:
        try:
            return datetime.fromisoformat(cell.text)
        except ValueError:
            pass
    raise NotReadable("is no date we can read for certain; say date_format in the mapping (无法识别日期)")


def _excel_serial(text: str) -> datetime | None:
    if not re.fullmatch(r"\d{1,7}(?:\.\d+)?", text) or int(float(text)) not in EXCEL_DAYS:
        return None
    return EXCEL_DAY_ZERO + timedelta(seconds=round(float(text) * 86_400))


def barcode(cell: Cell) -> str | Doubtful:
    """A barcode, kept as written; a check digit that does not fit is reported."""
    if not (cell.text.isascii() and cell.text.isdigit() and len(cell.text) in BARCODE_LENGTHS):
        return Doubtful(cell.text, "is not an EAN or UPC number (不是标准条码)")
    digits = [int(digit) for digit in cell.text]
    total = sum(digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    if (total + digits[-1]) % 10:
        return Doubtful(cell.text, "the check digit is wrong (校验码错误)")
    return cell.text


def phone(cell: Cell) -> str | Doubtful:
    """Phone numbers, kept as written; what nobody could dial is reported."""
    parts = [
        part.strip(" \u202a\u202c\u200e")
        for part in re.split(r"[,，;；/、|]|\s{2,}|或", cell.text)
        if part.strip()
    ]
    if all(PHONE.fullmatch(part) for part in parts):
        return cell.text
    return Doubtful(
        cell.text, "is not a number that can be dialled (不是可拨打的号码)", verdict=Verdict.KEPT_AS_TEXT
    )


def image(cell: Cell) -> str:
    """Where a picture is: an address, or a path that ends like a picture."""
    if not IMAGE.fullmatch(cell.text):
        raise NotReadable("is no picture's address (不是图片地址)")
    return cell.text


def texts(cell: Cell) -> list[str]:
    """A list: JSON, or parts between the mapping's `split`."""
    if cell.rule.split is not None:
        return [part.strip() for part in cell.text.split(cell.rule.split) if part.strip()]
    if not cell.text.startswith("["):
        return [cell.text]
    found = json_cell(cell.text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise NotReadable("is not a JSON list of texts (不是文本列表)")
    return [each.strip() for each in found if each.strip()]


def zone_name(cell: Cell) -> str:
    """A time zone that exists: "Asia/Shanghai"."""
    try:
        ZoneInfo(cell.text)
    except (KeyError, ValueError, OSError) as error:
        raise NotReadable("is no time zone (不是时区)") from error
    return cell.text


def clock(cell: Cell) -> str:
    """A time of day, "04:00"."""
    match = re.fullmatch(r"(\d{1,2})[:：](\d{2})(?:[:：]\d{2})?", cell.text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:  # noqa: PLR2004 the clock
        raise NotReadable("is no time of day (不是时间)")
    return f"{int(match[1]):02d}:{match[2]}"
