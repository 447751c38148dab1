"""What every data set's module is given: a database, the folder, the expected totals; and how it says what it got."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from storefront.imports.kinds import KINDS
from storefront.imports.mapping import read_mapping
from storefront.imports.report import ImportOutcome
from storefront.imports.run import ImportRequest, import_file
from tenants.commands import CreateTenant, MerchantKeys
from tenants.create import create_tenant
from tenants.directory import tenant_coded
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.scope import Database, TenantScope

MAPPINGS = Path(__file__).resolve().parent.parent / "mappings"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One total: what the files' own count says and what the database says after the import."""

    name: str
    expected: Any
    got: Any

    @property
    def agrees(self) -> bool:
        """Whether they are equal, to the fen."""
        return bool(self.expected == self.got)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The run's surroundings."""

    database: Database
    folder: Path
    keys: KeyRing
    reports: Path
    say: Callable[[str], None] = print
    prefix: str = "real"
    """Tenants are called prefix-name, so that runs can stand beside each other."""

    def expected(self, data_set: str) -> dict[str, Any]:
        """The totals of one data set."""
        found: dict[str, Any] = json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))[
            data_set
        ]
        return found

    async def tenant(self, name: str, *, time_zone: str = "Asia/Shanghai") -> TenantScope:
        """The tenant of this name, made when it is not there: a brand with a throw-away merchant."""
        code = f"{self.prefix}-{name}"
        async with self.database.platform() as db:
            known = await tenant_coded(db, code)
        if known is not None:
            return self.database.tenant(known)
        scope = self.database.tenant(TenantId(new_id()))
        async with scope.writing() as db:
            await create_tenant(db, _brand(code, time_zone=time_zone), now=datetime.now(UTC), keys=self.keys)
        return scope

    async def load(
        self, tenant: TenantScope, kind: str, *, file: Path, mapping: str, figures: list[Figure]
    ) -> ImportOutcome:
        """Import one file twice; add the figures that hold for any file: every row accounted for, the second time nothing changes."""
        request = ImportRequest(
            kind=KINDS[kind],
            path=file,
            mapping=read_mapping(MAPPINGS / f"{mapping}.toml"),
            report=self.reports / f"{mapping}.report.csv",
        )
        outcome = await import_file(tenant, request, now=datetime.now(UTC))
        again = await import_file(
            tenant,
            msgspec.structs.replace(request, report=self.reports / f"{mapping}.again.report.csv"),
            now=datetime.now(UTC),
        )
        self.say(
            f"  {file.name} as {kind}: {outcome.rows_read} read, {outcome.imported} imported, {outcome.unchanged} unchanged,"
            f" {outcome.refused} refused, {outcome.left_out} left out; {outcome.warnings} warnings,"
            f" {outcome.kept_as_text} kept as text; {outcome.rows_per_second:,} rows/s"
        )
        accounted = outcome.imported + outcome.unchanged + outcome.refused + outcome.left_out
        figures += [
            Figure(name=f"{mapping}: rows read are accounted for", expected=outcome.rows_read, got=accounted),
            Figure(name=f"{mapping}: rows changed by importing again", expected=0, got=again.imported),
            Figure(
                name=f"{mapping}: rows refused when importing again",
                expected=outcome.refused,
                got=again.refused,
            ),
        ]
        return outcome

    async def number(self, tenant: TenantScope, statement: str) -> int:
        """One whole number out of the tenant's rows; `:t` is the tenant."""
        async with tenant.reporting() as db:
            return int(await db.scalar(text(statement), {"t": tenant.tenant_id}) or 0)

    async def rows(self, tenant: TenantScope, statement: str) -> list[tuple[Any, ...]]:
        """Rows out of the tenant's tables; `:t` is the tenant."""
        async with tenant.reporting() as db:
            return [tuple(row) for row in await db.execute(text(statement), {"t": tenant.tenant_id})]


def _brand(code: str, *, time_zone: str) -> CreateTenant:
    """A brand that takes no money: its merchant's keys are made here and known to nobody."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return CreateTenant(
        code=code,
        name=code,
        appid="wx" + secrets.token_hex(8),
        time_zone=time_zone,
        app_secret=secrets.token_hex(16),
        merchant=MerchantKeys(
            merchant_no="19" + str(secrets.randbelow(10**8)).zfill(8),
            legal_name=code,
            certificate_serial=secrets.token_hex(20).upper(),
            private_key=pem,
            api_v3_key=secrets.token_hex(16),
        ),
    )
