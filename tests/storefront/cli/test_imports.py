"""`storefront import` as a person runs it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from storefront.cli.imports import import_command
from storefront.imports.kinds import KINDS
from storefront.imports.mapping import check_against, mapping_from_text
from storefront.imports.sentences import SENTENCES
from storefront.settings import Settings
from tenants.kernel.scope import TenantScope

STORES = "门店编号;名称;状态\nS1;一店;营业中\nS2;二店;装修中\n"
MAPPING = """kind = "stores"
[fields]
code = "门店编号"
name = "名称"
status = {column = "状态", translate = {"营业中" = "open"}}
"""


async def run(folder: Path, settings: Settings, *arguments: str) -> tuple[int | None, str]:
    environment = {**os.environ, "DATABASE_URL": str(settings.database_url), "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "storefront.cli.main",
        "import",
        *arguments,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def show(*arguments: str) -> str:
    shown = CliRunner().invoke(import_command, list(arguments), env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    return shown.output


async def code_of(tenant: TenantScope) -> str:
    async with tenant.reading() as db:
        statement = text("SELECT code FROM app.tenants WHERE tenant_id = :t")
        return str(await db.scalar(statement, {"t": tenant.tenant_id}))


async def test_a_file_with_a_bad_row_is_imported_reported_and_answered_with_2(
    tenant: TenantScope, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "门店.csv").write_text(STORES, encoding="gb18030")
    (tmp_path / "门店.toml").write_text(MAPPING, encoding="utf-8")
    order = ("stores", "门店.csv", "--tenant", await code_of(tenant), "--mapping", "门店.toml")
    status, output = await run(tmp_path, settings, *order, "--report", "report.csv")
    assert (status, "refused" in output) == (2, True), output
    assert "3,状态,装修中" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")


async def test_a_file_that_cannot_be_used_is_answered_with_1_and_a_sentence(
    tenant: TenantScope, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    status, output = await run(tmp_path, settings, "malls", "empty.csv", "--tenant", await code_of(tenant))
    assert (status, "empty.csv is empty" in output, "Traceback" in output) == (1, True, False), output
    status, output = await run(tmp_path, settings, "malls", "empty.csv", "--tenant", "nobody")
    assert (status, "nobody" in output) == (1, True), output


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_kind_is_shown_with_a_sentence(kind: str) -> None:
    names = {spec.name for spec in KINDS[kind].fields}
    assert SENTENCES[kind].keys() == names
    shown = show("--fields", kind)
    assert all(name in shown for name in names)
    assert all(choice in shown for spec in KINDS[kind].fields for choice in spec.choices)


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_of_a_kind_is_a_header_and_a_mapping_that_fits_it(kind: str) -> None:
    header, mapping = show("--template", kind).split("\n\n", maxsplit=1)
    headers = tuple(header.split(","))
    parsed = mapping_from_text(mapping)
    check_against(parsed, headers=headers, joined={}, fields=KINDS[kind].requirements())
    assert set(headers) == parsed.fields.keys() == {spec.name for spec in KINDS[kind].fields}


async def test_columns_that_nobody_reads_are_said_and_the_report_keeps_the_files_whole_name(
    tenant: TenantScope, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "groups.2026-11.csv").write_text("code,name,colour\na,x,red\n", encoding="utf-8")
    order = ("store-groups", "groups.2026-11.csv", "--tenant", await code_of(tenant))
    status, output = await run(tmp_path, settings, *order)
    assert (status, "columns not read: colour" in output) == (0, True), output
    report = (tmp_path / "groups.2026-11.store-groups.report.csv").read_text(encoding="utf-8-sig")
    assert "1,,colour,columns not read: colour" in report
    (tmp_path / "groups.toml").write_text('kind = "store-groups"\n[fields]\ncode = "code"\nname = "name"\n')
    _, output = await run(tmp_path, settings, *order, "--mapping", "groups.toml")
    assert "columns not read" not in output
