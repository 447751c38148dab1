"""Opening hours as people write them: certain ones become a table, all others stay text."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.hours import check_spans
from tenants.hours_text import hours_from_text

ALL = (1, 2, 3, 4, 5, 6, 7)
REAL = Path(__file__).parents[3] / "shared/data/restricted/stores_cn/stores.csv"


def read(text: str) -> list[tuple[tuple[int, ...], str, str]] | None:
    weekly = hours_from_text(text).weekly
    return None if weekly is None else [(each.days, each.opens, each.closes) for each in weekly]


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("10:00-22:00", "10:00", "22:00"),
        ("9:30～21:30", "09:30", "21:30"),
        ("10：00 — 22：00 ", "10:00", "22:00"),
        ("周一至周日 09:00－18:00", "09:00", "18:00"),
        ("营业时间：每天10.00-22.00", "10:00", "22:00"),
        ("周天到周六：8:00到20:00", "08:00", "20:00"),
        ("上午9:00至下午6:30", "09:00", "18:30"),
        ("早9点半-晚10点", "09:30", "22:00"),
        ("中午11点～晚上12点", "11:00", "24:00"),
        ("10:00-24:00", "10:00", "24:00"),
        ("10:00-00:00", "10:00", "24:00"),
        ("10:00-02:00", "10:00", "02:00"),
        ("18:00-2:00", "18:00", "02:00"),
        ("17:00-次日3:00", "17:00", "03:00"),
        ("18:00-26:00", "18:00", "02:00"),
        ("24小时营业", "00:00", "24:00"),
        ("全天24小时", "00:00", "24:00"),
    ],
)
def test_hours_without_days_hold_on_every_day(text: str, opens: str, closes: str) -> None:
    assert read(text) == [(ALL, opens, closes)]


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("周一至周五9:00-18:00，周末10:00-20:00", [((1, 2, 3, 4, 5), "09:00", "18:00"), ((6, 7), "10:00", "20:00")]),
        ("周日~周四10:00~21:30\n周五/周六10:00~22:30", [((1, 2, 3, 4, 7), "10:00", "21:30"), ((5, 6), "10:00", "22:30")]),
        ("星期二至星期日 9:00-17:00 周一闭馆", [((2, 3, 4, 5, 6, 7), "09:00", "17:00")]),
        ("周一至周三和周五 8:00-20:00;", [((1, 2, 3, 5), "08:00", "20:00")]),
        ("10:00-14:00、16:00-21:00", [(ALL, "10:00", "14:00"), (ALL, "16:00", "21:00")]),
        ("“周一-周日：10:00-22:00”", [(ALL, "10:00", "22:00")]),
    ],
)  # fmt: skip
def test_days_carry_their_own_hours(text: str, table: list[tuple[tuple[int, ...], str, str]]) -> None:
    assert read(text) == table


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10:00",
        "0",
        "10:00-2200",
        "9::00-18:00",
        "9:00-18；00",
        "9:00-18:0",
        "10:00-25:70",
        "周一至周日",
        "138****0000",
        "夏季9:00-18:00，冬季9:00-17:00",
        "10:00-21:00/22:00",
        "10:00-22:00 节假日延长",
        "周一10:00-周日22:00",
        "9:00-6:00",
        "10:00-10:00",
        "10:00-2:00",
        "上午9:00到7:00",
        "周一10:00-20:00 周一11:00-20:00",
        "10:00-22:00，周末10:00-23:00",
        "周一至周五10:00-20:00,15:00-22:00",
        "周一不打烊 周二9:00-18:00",
        "2:00-10:00",
        "详询门店",
        "周一休息",
        "x" * 10_000,
        " " * 100_000,
    ],
)
def test_what_has_no_reading_or_two_stays_text_with_a_reason(text: str) -> None:
    found = hours_from_text(text)
    assert found.weekly is None
    assert found.reason


@given(
    st.text(
        alphabet="周一二三四五六日天末至到-~:：0123456789点半上下午早晚次日休息,， 。和/节24小时", max_size=40
    )
)
def test_no_text_gives_a_table_with_days_or_times_that_do_not_exist(text: str) -> None:
    weekly = hours_from_text(text).weekly
    if weekly is not None:
        check_spans(weekly)
        assert all(each.days for each in weekly)


@pytest.mark.skipif(not REAL.exists(), reason="the stores' file is not here")
def test_of_real_spellings_at_least_nineteen_in_twenty_are_certain() -> None:
    with REAL.open(encoding="utf-8", newline="") as file:
        texts = [row["business_hours"] for row in csv.DictReader(file) if row["business_hours"]]
    certain = [text for text in texts if hours_from_text(text).weekly is not None]
    assert len(certain) / len(texts) >= 0.95
