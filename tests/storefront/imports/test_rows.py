"""From somebody's columns to our fields."""

from pathlib import Path
from typing import Any

import pytest

from storefront.imports.kinds import KINDS
from storefront.imports.mapping import MappingWrong, mapping_from_text
from storefront.imports.reading import FileUnreadable, open_source
from storefront.imports.rows import RowReader, TypedRow


def typed(folder: Path, content: str, mapping: str | None, *, kind: str = "catalogue") -> list[TypedRow]:
    path = folder / "file.csv"
    path.write_text(content, encoding="utf-8")
    parsed = mapping_from_text(f'kind = "{kind}"\n{mapping}') if mapping is not None else None
    source = open_source(path, parsed.source if parsed else None)
    return list(RowReader(source, KINDS[kind], mapping=parsed).rows())


def specs(folder: Path, cell: str, rule: str) -> Any:
    row = typed(folder, f'k\n"{cell}"\n', f'[fields]\nsku_code = {{constant = "A"}}\nspecs = {rule}')[0]
    return row.row.sku.specs if row.row else [finding.reason for finding in row.findings]


def test_headers_that_are_our_field_names_need_no_mapping(tmp_path: Path) -> None:
    row = typed(tmp_path, "sku_code,title,unknown\nA1,衬衫,x\n", None)[0].row
    assert (row.sku.code, row.spu.title) == ("A1", "衬衫")


def test_a_mapping_that_names_a_column_the_file_lacks_is_refused_naming_it(tmp_path: Path) -> None:
    with pytest.raises(MappingWrong, match="'价'"):
        typed(tmp_path, "编码,价格\nA,1\n", '[fields]\nsku_code = "编码"\nprice = "价"')


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ('[fields]\nsku = "k"', "sku"),
        ('[fields]\nsku_code = {colum = "k"}', "colum"),
        ('[fields]\nsku_code = {column = "k", constant = "x"}', "sku_code"),
        ('[fields]\nsku_code = {column = "k", regex = "("}', "mapping"),
        ('[sourc]\nsheet = "x"\n[fields]\nsku_code = "k"', "sourc"),
        ("not toml", "mapping"),
        ('[source]\ntime_zone = "Mars/Base"\n[fields]\nsku_code = "k"', "Mars"),
        ('[fields]\nsku_code = "k"\nprice = {column = "k", unit = "dollars"}', "price"),
    ],
)
def test_a_mapping_with_a_mistake_is_refused_naming_it(tmp_path: Path, mapping: str, named: str) -> None:
    with pytest.raises(MappingWrong, match=named):
        typed(tmp_path, "k\n1\n", mapping)


def test_a_required_field_that_nothing_feeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingWrong, match="name"):
        typed(tmp_path, "k\n1\n", '[fields]\ncode = "k"', kind="malls")


def test_a_repeated_header_has_to_be_chosen_by_number(tmp_path: Path) -> None:
    with pytest.raises(MappingWrong, match="price"):
        typed(tmp_path, "k,price,price\n1,2,3\n", '[fields]\nsku_code = "k"\nprice = "price"')


def test_a_field_whose_column_stands_twice_is_refused_with_or_without_a_mapping(tmp_path: Path) -> None:
    for mapping in (None, '[fields]\nsku_code = "sku_code"\nprice = "price"'):
        with pytest.raises(MappingWrong, match="the column price stands twice"):
            typed(tmp_path, "sku_code,price,price\n1,2,3\n", mapping)


def test_a_missing_field_names_the_command_that_lists_fields(tmp_path: Path) -> None:
    with pytest.raises(MappingWrong, match="storefront import --fields malls"):
        typed(tmp_path, "name\nx\n", None, kind="malls")


def test_text_is_cut_translated_and_defaulted_in_order(tmp_path: Path) -> None:
    mapping = """[fields]
code = {template = "{省}-{号}"}
name = {columns = ["简称", "全称"], required = true}
city = {column = "地址", regex = "省(.+?市)"}
district = {column = "区", empty = ["NA", "NULL"], default = "未知"}
status = {column = "状态", translate = {"营业中" = "open", "已闭店" = "closed"}}
"""
    content = "省,号,简称,全称,地址,区,状态\n浙,1,,杭州店,浙江省杭州市西湖区,NA,已闭店\n"
    row = typed(tmp_path, content, mapping, kind="stores")[0].row
    assert (row.code, row.name, row.city, row.district, row.status) == (
        "浙-1",
        "杭州店",
        "杭州市",
        "未知",
        "closed",
    )


def test_a_word_that_nobody_translated_is_refused_with_the_words_we_know(tmp_path: Path) -> None:
    mapping = '[fields]\ncode = "k"\nname = "k"\nstatus = "s"'
    row = typed(tmp_path, "k,s\nA,装修\n", mapping, kind="stores")[0]
    assert row.row is None
    assert [(finding.column, finding.value) for finding in row.findings] == [("s", "装修")]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ('[{""key"":""颜色"",""value"":""白""}]', '"k"'),
        ('{""颜色"":""白""}', '"k"'),
        ("颜色：白", '"k"'),
        ("颜色=白;", '"k"'),
        ('[""白""]', '{column = "k", names = ["颜色"]}'),
        ("白", '{column = "k", names = ["颜色"]}'),
        ('{""a"":[{""name"":""颜色"",""value"":""白""}]}', '{column = "k", json = "a"}'),
    ],
)
def test_named_values_are_read_in_every_common_shape(tmp_path: Path, cell: str, rule: str) -> None:
    assert specs(tmp_path, cell, rule) == [{"name": "颜色", "value": "白"}]


@pytest.mark.parametrize("cell", ["[1", "[[1]]", '{""a"": {""b"": 1}}', '[{""key"": 1}]', '[""白"",""大""]'])
def test_named_values_in_no_shape_refuse_the_row(tmp_path: Path, cell: str) -> None:
    found = specs(tmp_path, cell, '{column = "k", names = ["颜色"]}')
    assert all(isinstance(reason, str) for reason in found)
    assert found


JOINED = """
[join.product]
file = "products.csv"
key = "id"
on = "product"
required = true
[join.category]
file = "categories.csv"
key = "id"
on = "product.category"
[join.named]
file = "named.csv"
key = "product"
on = "product"
many = true
[fields]
sku_code = "code"
spu_code = "product"
title = "product.name"
category_name = "category.name"
specs = {column = "values", join = "named", name_column = "name", value_column = "value"}
"""


def joined(folder: Path, rows: str) -> list[TypedRow]:
    (folder / "products.csv").write_text("id,name,category\n1,衬衫,7\n2,裤子,\n", encoding="utf-8")
    (folder / "categories.csv").write_text("id,name\n7,上衣\n", encoding="gb18030")
    named = "product,name,value\n1,颜色,白\n1,尺码,大\n1,袖长,大\n1,颜色,黑\n"
    (folder / "named.csv").write_text(named, encoding="utf-8")
    return typed(folder, f"code,product,values\n{rows}", JOINED)


def test_a_catalogue_in_several_files_is_joined_by_keys_and_through_joins(tmp_path: Path) -> None:
    first, second = joined(tmp_path, 'A,1,"[""白""]"\nB,2,[]\n')
    assert (first.row.spu.title, first.row.spu.category_name) == ("衬衫", "上衣")
    assert first.row.sku.specs == [{"name": "颜色", "value": "白"}]
    assert second.row.spu.category_name is None


def test_a_key_that_the_second_file_lacks_refuses_its_row(tmp_path: Path) -> None:
    row = joined(tmp_path, "A,9,[]\n")[0]
    assert (row.findings[0].column, row.findings[0].value) == ("product", "9")


def test_a_value_with_two_names_refuses_its_row(tmp_path: Path) -> None:
    assert joined(tmp_path, 'A,1,"[""大""]"\n')[0].row is None


def test_a_second_file_that_is_missing_is_refused_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"products\.csv"):
        typed(tmp_path, "code,product,values\nA,1,x\n", JOINED)


def test_conditions_leave_rows_out_and_blanks_are_filled_from_above(tmp_path: Path) -> None:
    mapping = """present = ["价"]
fill_down = {by = "款", columns = ["名"]}
[only]
"品牌" = ["甲"]
[fields]
sku_code = "码"
spu_code = "款"
title = "名"
price = "价"
"""
    content = "码,款,名,价,品牌\n1,P,衬衫,5,甲\n2,P,,6,甲\n,P,,,甲\n3,Q,裤子,7,乙\n4,R,,8,甲\n"
    rows = typed(tmp_path, content, mapping)
    assert [row.left_out for row in rows] == [False, False, True, True, False]
    assert rows[1].row.spu.title == "衬衫"
    assert rows[4].row.spu is None
