"""The report that people open in a spreadsheet."""

import csv
from pathlib import Path

import pytest

from storefront.imports.report import Report, harmless
from tenants.import_outcomes import refusal


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'/c calc'!A0", "-1+2", "@SUM(A1)", "\t=1", "-", "+"])
def test_what_a_spreadsheet_would_run_gets_one_apostrophe(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("text", ["-24", "+86", "-1,000.50", "plain", "1=1", ""])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_the_file_starts_with_a_byte_order_mark_and_holds_one_line_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with Report(path) as report:
        report.add(7, [refusal("价格", 'a"b,\nc', reason="不是金额"), refusal("x", "", reason="y")])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "column", "value", "reason", "outcome"]
    assert lines[1] == ["7", "价格", 'a"b,\nc', "不是金额", "refused"]
    assert len(lines) == 3
