"""`storefront import` as a person runs it."""

import asyncio
import os
import sys
from pathlib import Path

from sqlalchemy import text

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
