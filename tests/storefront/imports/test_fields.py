"""What each kind of field accepts, and what it says when it does not."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.imports import fields
from storefront.imports.fields import Cell, Doubtful, FieldSpec, read_field
from storefront.imports.mapping import FieldRule, NotReadable
from tenants.import_outcomes import Verdict
from tenants.kernel.money import LARGEST_AMOUNT, Fen, yuan_text


def cell(text: str, read: Any = fields.plain_text, *, workbook: bool = False, **rule: Any) -> Cell:
    return Cell(
        text=text,
        spec=FieldSpec(name="field", read=read),
        rule=FieldRule(column="c", **rule),
        zone=ZoneInfo("Asia/Shanghai"),
        from_workbook=workbook,
    )


def value(text: str, read: Any, **rule: Any) -> Any:
    return read(cell(text, read, **rule))


def test_a_price_beyond_a_million_yuan_is_kept_and_said() -> None:
    assert value("1000000.00", fields.price) == 100_000_000
    doubtful = value("1000000.01", fields.price)
    assert doubtful.value == 100_000_001
    assert "million" in doubtful.reason


@pytest.mark.parametrize(
    ("text", "fen"),
    [("12", 1200), ("12.5", 1250), ("￥1,234.50", 123450), ("12.50元", 1250), (".5", 50), ("-3", -300), ("12.500", 1250)],
)  # fmt: skip
def test_money_is_read_exactly(text: str, fen: int) -> None:
    assert value(text, fields.money) == fen


@pytest.mark.parametrize(
    "text", ["1,5", "12.345", "abc", "1e5", "--5", "NaN", "１２", "12 34", "9" * 40, "1e999999999", "1,23,456", "￥", "."]
)  # fmt: skip
def test_money_that_is_not_certain_is_refused(text: str) -> None:
    with pytest.raises(NotReadable):
        value(text, fields.money)


def test_money_is_rounded_only_where_the_mapping_says_so_half_away_from_zero_after_the_noise() -> None:
    assert value("125.43999999999998", fields.money, round="half_up") == 12544
    assert value("129.696", fields.money, round="half_up") == 12970
    assert value("0.005", fields.money, round="half_up") == 1
    assert value("-0.005", fields.money, round="half_up") == -1


def test_money_may_come_in_fen() -> None:
    assert value("1234", fields.money, unit="fen") == 1234
    with pytest.raises(NotReadable):
        value("12.34", fields.money, unit="fen")


@given(st.integers(min_value=-LARGEST_AMOUNT, max_value=LARGEST_AMOUNT))
def test_every_amount_written_by_us_is_read_back(amount: int) -> None:
    assert value(yuan_text(Fen(amount)), fields.money) == amount


@given(st.text(max_size=40))
def test_no_text_at_all_makes_a_field_crash(text: str) -> None:
    readers = (fields.money, fields.quantity, fields.moment, fields.day, fields.coordinate, fields.boolean)
    for read in (
        *readers,
        fields.barcode,
        fields.phone,
        fields.texts,
        fields.clock,
        fields.image,
        fields.code,
        fields.zone_name,
    ):
        for workbook in (False, True):
            found = cell(text, read, workbook=workbook)
            read_field(found, column="c")


@pytest.mark.parametrize(
    ("text", "number"), [("6", 6), ("6.0", 6), ("-1", -1), ("1,000", 1000), ("1,000.00", 1000)]
)
def test_quantities_are_whole(text: str, number: int) -> None:
    assert value(text, fields.quantity) == number


@pytest.mark.parametrize("text", ["1.5", "1,5", "6 个", "", "1e3", "9" * 30])
def test_half_a_unit_is_refused(text: str) -> None:
    with pytest.raises(NotReadable):
        value(text, fields.quantity)


@pytest.mark.parametrize("text", ["2026-10-01 08:30", "2026/10/1 08:30:00", "2026-10-01T00:30:00Z"])
def test_a_moment_without_a_zone_is_meant_in_the_mappings(text: str) -> None:
    assert value(text, fields.moment) == datetime(2026, 10, 1, 0, 30, tzinfo=UTC)


def test_a_date_with_two_readings_is_refused_until_the_mapping_says_which() -> None:
    with pytest.raises(NotReadable):
        value("01/02/2026", fields.day)
    assert value("01/02/2026", fields.day, date_format="%d/%m/%Y") == date(2026, 2, 1)


def test_a_serial_number_is_a_date_in_a_workbook_or_where_the_mapping_says_excel() -> None:
    assert value("43831", fields.day, date_format="excel") == date(2020, 1, 1)
    assert fields.moment(cell("43831.5", fields.moment, workbook=True)).hour == 4  # noon in Shanghai
    with pytest.raises(NotReadable):
        value("43831", fields.day)


def test_a_barcode_is_kept_and_its_wrong_check_digit_said() -> None:
    assert value("6908512108211", fields.barcode) == "6908512108211"
    assert value("96385074", fields.barcode) == "96385074"
    assert isinstance(value("6908512108212", fields.barcode), Doubtful)
    assert value("ABC", fields.barcode).value == "ABC"


@pytest.mark.parametrize(
    "text", ["13800138000", "021-65129339", "(021)65129339", "021-65129339,13800138000", "400-810-0000", "+86 13800138000"]
)  # fmt: skip
def test_numbers_that_can_be_dialled_pass(text: str) -> None:
    assert value(text, fields.phone) == text


@pytest.mark.parametrize("text", ["138****3640", "1,86*,***,788,015,540,000,000", "杨*", "12345678"])
def test_numbers_that_nobody_can_dial_are_kept_as_text(text: str) -> None:
    found = value(text, fields.phone)
    assert (found.value, found.verdict) == (text, Verdict.KEPT_AS_TEXT)


@pytest.mark.parametrize("text", ["https://pictures.example/a.png?x=1", "admin/2017/a.JPG", "//p.example/a"])
def test_addresses_and_paths_of_pictures_pass(text: str) -> None:
    assert value(text, fields.image) == text


@pytest.mark.parametrize("text", ["quality=90&thumbnail=200x200", "no picture"])
def test_what_is_no_picture_is_refused(text: str) -> None:
    with pytest.raises(NotReadable):
        value(text, fields.image)


def test_a_lenient_field_is_left_empty_with_a_warning_and_another_refuses_its_row() -> None:
    for lenient, verdict in ((True, Verdict.WARNING), (False, Verdict.REFUSED)):
        spec = FieldSpec(name="latitude", read=fields.coordinate, lenient=lenient, highest=90)
        rule = FieldRule(column="lat")
        found, finding = read_field(Cell(text="91", spec=spec, rule=rule, zone=ZoneInfo("UTC")), column="lat")
        assert found is None
        assert finding is not None
        assert finding.verdict is verdict
