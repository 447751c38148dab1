"""Files in every state in which people send them."""

import csv
import gzip
import itertools
import tempfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from storefront.imports import reading
from storefront.imports.reading import FileUnreadable, SourceOptions, open_source
from tenants.import_outcomes import Verdict


def written(folder: Path, content: bytes, *, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path, **options: object) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, row.cells) for row in open_source(path, SourceOptions(**options)).rows()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_text_is_read_in_whichever_encoding_it_comes(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "编码,名称\r\nA1,春序·上海店\r\n".encode(encoding))
    assert read(path) == [(2, {"编码": "A1", "名称": "春序·上海店"})]


def test_an_encoding_is_judged_by_the_whole_file_not_by_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 7)
    content = b"code,name\n" + b"a,b\n" * 5_000 + "z,中文\n".encode("gb18030")
    source = open_source(written(tmp_path, content))
    assert source.encoding == "gb18030"
    assert [row.cells["name"] for row in source.rows()][-1] == "中文"


def test_utf8_letters_split_between_two_chunks_stay_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = ("code,name\n" + "一,二三四五六七八九十\n" * 20).encode()
    for size in range(1, 12):
        monkeypatch.setattr(reading, "CHUNK", size)
        assert open_source(written(tmp_path, content)).encoding == "utf-8-sig"


def test_bytes_of_no_encoding_are_refused_naming_the_first_of_them(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="UTF-8 \\(byte 12\\)"):
        open_source(written(tmp_path, b"code,name\na,\xff\xff\n"))


def test_an_encoding_that_the_mapping_forces_and_the_file_is_not_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n中,文\n".encode("gb18030"))
    with pytest.raises(FileUnreadable):
        open_source(path, SourceOptions(encoding="utf-8"))
    with pytest.raises(FileUnreadable):
        open_source(path, SourceOptions(encoding="no-such-encoding"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_even_when_cells_hold_the_others(tmp_path: Path, delimiter: str) -> None:
    cells = ["code", "a name, or two; or|three"]
    header = delimiter.join(["code", "name", "price"])
    path = written(tmp_path, f'{header}\n{cells[0]}{delimiter}"{cells[1]}"{delimiter}1.50\n'.encode())
    assert read(path)[0][1]["name"] == cells[1]


def test_line_breaks_inside_quotes_stay_in_their_cell_and_rows_keep_the_spreadsheets_numbers(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, b'code,name\r\na,"one\r\ntwo"\r\n\r\nb,three')
    assert read(path) == [(2, {"code": "a", "name": "one\r\ntwo"}), (4, {"code": "b", "name": "three"})]


def test_gzip_is_recognised_by_its_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"code\na\n"), name="any.name")
    assert read(path) == [(2, {"code": "a"})]


def test_a_text_that_is_called_a_workbook_is_refused_and_one_that_a_till_calls_xls_is_read(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileUnreadable, match="is no workbook"):
        open_source(written(tmp_path, b"code,name\na,b\n", name="stores.xlsx"))
    assert read(written(tmp_path, b"code\tname\na\tb\n", name="till.xls")) == [
        (2, {"code": "a", "name": "b"})
    ]


def test_a_broken_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        open_source(written(tmp_path, gzip.compress(b"code\na\n" * 1000)[:-9]))


def test_rows_with_too_many_or_too_few_cells_are_kept_and_refused_never_dropped(tmp_path: Path) -> None:
    rows = list(open_source(written(tmp_path, b"a,b\n1,2,3\n1\n1,2,,\n1,2\n")).rows())
    assert [row.number for row in rows] == [2, 3, 4, 5]
    assert [bool(row.findings) for row in rows] == [True, True, False, False]
    assert rows[0].findings[0].verdict is Verdict.REFUSED


def test_short_rows_are_filled_where_the_mapping_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1\n")
    assert read(path, short_rows="fill") == [(2, {"a": "1", "b": ""})]


def test_a_nul_in_a_cell_refuses_its_row_and_no_other(tmp_path: Path) -> None:
    rows = list(open_source(written(tmp_path, b"a,b\n1,x\x00y\n2,z\n")).rows())
    assert [finding.column for finding in rows[0].findings] == ["b"]
    assert not rows[1].findings


def test_headers_lose_their_blanks_and_repeated_ones_are_numbered(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, "价格 ,价格,, 备注\n1,2,3,4\n".encode()))
    assert source.headers == ("价格 (1)", "价格 (2)", "column 3", "备注")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"   \n"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileUnreadable):
        open_source(written(tmp_path, content))


def test_a_header_alone_is_a_file_of_no_rows(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, b"code,name"))
    assert (source.row_count, list(source.rows())) == (0, [])


def test_a_quote_that_is_never_closed_is_refused_before_the_first_row_naming_where_it_opened(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileUnreadable, match="row 3"):
        open_source(written(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n'))


def test_a_cell_larger_than_any_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="row 2"):
        open_source(written(tmp_path, b'a,b\n1,"' + b"x" * (reading.LARGEST_CELL + 1) + b'"\n'))


def test_a_long_file_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = itertools.count()
    lines = ((next(taken) and b"a,b\n") or b"code,name\n" for _ in range(200_000))
    source = open_source(written(tmp_path, b"".join(lines)))
    rows = source.rows()
    assert next(rows).number == 2
    assert source.row_count == 199_999


def test_garbage_is_refused_not_crashed_on(tmp_path: Path) -> None:
    for number, content in enumerate([b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0rubbish", b"\x1f\x8brubbish"]):
        with pytest.raises(FileUnreadable):
            open_source(written(tmp_path, content, name=f"{number}.csv"))


def workbook(folder: Path) -> Path:
    path = folder / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    first, second = book.add_worksheet("说明"), book.add_worksheet("商品")
    first.write_row(0, 0, ["note"])
    second.write_row(2, 1, ["编码 ", "数量", "价格", "日期", "条码", "上架"])
    second.write_row(3, 1, ["A1", 12, 125.44, 0, 6908512108211, True])
    second.write_number(3, 4, 43_831, day)
    second.write_row(5, 1, ["A2", 0.1, 1e-7, "", 6908512108211690, False])
    book.close()
    return path


def test_a_sheet_gives_the_text_a_person_sees(tmp_path: Path) -> None:
    rows = read(workbook(tmp_path), sheet="商品", header_row=3)
    assert [number for number, _ in rows] == [4, 6]
    assert rows[0][1] | {"column 1": ""} == {
        "column 1": "",
        "编码": "A1",
        "数量": "12",
        "价格": "125.44",
        "日期": "2020-01-01",
        "条码": "6908512108211",
        "上架": "TRUE",
    }
    assert rows[1][1]["价格"] == "0.0000001"


def test_a_number_that_the_spreadsheet_has_cut_is_reported(tmp_path: Path) -> None:
    rows = list(open_source(workbook(tmp_path), SourceOptions(sheet="商品", header_row=3)).rows())
    assert [len(row.findings) for row in rows] == [0, 1]
    assert rows[1].findings[0].verdict is Verdict.WARNING


def test_a_sheet_that_is_not_there_is_refused_naming_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="说明, 商品"):
        open_source(workbook(tmp_path), SourceOptions(sheet="库存"))


@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_the_reader_crash(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), content)
        try:
            source = open_source(path)
        except FileUnreadable:
            return
        assert len(list(source.rows())) == source.row_count


@given(
    st.lists(st.lists(st.text(alphabet='a一,;"\n\t\x00 ', max_size=6), min_size=2, max_size=2), min_size=1),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)
def test_what_was_written_as_csv_is_read_back_cell_by_cell(rows: list[list[str]], encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["甲", "乙"], *rows])
        found = [list(cells.values()) for _, cells in read(path, delimiter=",")]
    assert found == [row for row in rows if any(row)]
