"""Log in and stay logged in: a brand's staff and the platform's operators, by name and password.

Flows: the password is verified outside any transaction, because it takes a tenth of a second. Counting attempts and issuing access
tokens is the roof's; shoppers come through WeChat (`shoppers.meet_shopper`, then `sessions.open_session`).
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import select

from tenants.directory import trades
from tenants.errors import LogInRefused, SessionEnded, TenantSuspended
from tenants.kernel.ids import OperatorId, StaffId
from tenants.kernel.scope import Database, TenantScope
from tenants.models import PlatformUser, Staff
from tenants.ports import PasswordHasher
from tenants.queries import find_staff
from tenants.sessions import (
    PLATFORM_BOOK,
    Grant,
    granted,
    open_platform_session,
    open_session,
    rotate,
    tenant_book,
)
from tenants.states import PrincipalKind
from tenants.views import StaffView

Login = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(min_length=1, max_length=200)]


class LogInStaff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A staff member's log-in."""

    tenant_code: Annotated[str, Meta(min_length=1, max_length=40)]
    login: Login
    password: Password


class LogInOperator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An operator's log-in."""

    login: Login
    password: Password


class Refresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A refresh token, to be exchanged for its successor and a new access token."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=200)]


async def log_in_staff(
    tenant: TenantScope | None, command: LogInStaff, *, now: datetime, passwords: PasswordHasher
) -> tuple[Grant, StaffView]:
    """Open a staff member's session. Unknown brand, unknown name, wrong password and dismissed staff are told apart by nobody."""
    if tenant is None:
        await passwords.verify(command.password, against=None)
        raise LogInRefused
    staff = await recognise_staff(tenant, command.login, password=command.password, passwords=passwords)
    async with tenant.writing() as db:
        if not await trades(db):
            raise TenantSuspended
        grant = await open_session(db, PrincipalKind.STAFF, principal_id=staff.id, now=now)
        return grant, staff


async def recognise_staff(
    tenant: TenantScope, login: str, *, password: str, passwords: PasswordHasher
) -> StaffView:
    """Who this is, without opening a session; raises LogInRefused. A suspended brand's finance is recognised: settlement goes on."""
    async with tenant.reading() as db:
        statement = select(Staff.id, Staff.password_hash).where(
            Staff.tenant_id == db.tenant_id, Staff.login == login, Staff.active
        )
        found = (await db.execute(statement)).one_or_none()
        staff = await find_staff(db, StaffId(found.id)) if found else None
    right = await passwords.verify(password, against=found.password_hash if found else None)
    if staff is None or not right:
        raise LogInRefused
    return staff


async def refresh_staff(
    tenant: TenantScope, command: Refresh, *, key: bytes, now: datetime
) -> tuple[Grant, StaffView]:
    """Exchange a staff member's refresh token; raises SessionEnded, also for people who were dismissed meanwhile."""
    async with tenant.writing() as db:
        book = tenant_book(db, PrincipalKind.STAFF)
        use, grant = await rotate(db, book, token=command.refresh_token, key=key, now=now)
        suspended = not await trades(db)
        staff = await find_staff(db, StaffId(grant.principal_id)) if grant else None
    if suspended:
        raise TenantSuspended
    if staff is None or not staff.active:
        raise SessionEnded
    return granted(use, grant), staff


async def log_in_operator(
    database: Database, command: LogInOperator, *, now: datetime, passwords: PasswordHasher
) -> Grant:
    """Open an operator's session."""
    async with database.platform() as db:
        statement = select(PlatformUser.id, PlatformUser.password_hash).where(
            PlatformUser.login == command.login, PlatformUser.active
        )
        found = (await db.execute(statement)).one_or_none()
    right = await passwords.verify(command.password, against=found.password_hash if found else None)
    if found is None or not right:
        raise LogInRefused
    async with database.platform() as db:
        return await open_platform_session(db, operator_id=OperatorId(found.id), now=now)


async def refresh_operator(database: Database, command: Refresh, *, key: bytes, now: datetime) -> Grant:
    """Exchange an operator's refresh token; raises SessionEnded."""
    async with database.platform() as db:
        use, grant = await rotate(db, PLATFORM_BOOK, token=command.refresh_token, key=key, now=now)
        statement = select(PlatformUser.active).where(
            PlatformUser.id == (grant.principal_id if grant else None)
        )
        active = (await db.execute(statement)).scalar_one_or_none()
    return granted(use, grant if active else None)
