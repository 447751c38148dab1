"""Give a person a log-in and a role, and take it away again."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.commands import EmployStaff
from tenants.errors import MallNotFound, StaffLoginTaken, StaffNotFound, StaffRoleNeedsStore
from tenants.kernel.ids import StaffId, new_id
from tenants.kernel.scope import Writing
from tenants.models import Staff
from tenants.queries import find_mall, find_staff, store_facts
from tenants.states import StaffRole
from tenants.views import StaffView

IN_A_STORE = {StaffRole.STORE_MANAGER, StaffRole.GUIDE}


async def employ_staff(db: Writing, command: EmployStaff, *, password_hash: str, now: datetime) -> StaffView:
    """Employ a staff member; the roof hashes the password. Refuses a log-in name that is taken and a role without its place."""
    in_store, in_mall = command.role in IN_A_STORE, command.role is StaffRole.MALL_FINANCE
    if (command.store_id is not None) != in_store or (command.mall_id is not None) != in_mall:
        raise StaffRoleNeedsStore(role=command.role)
    if command.store_id is not None:
        await store_facts(db, command.store_id)
    if command.mall_id is not None and await find_mall(db, command.mall_id) is None:
        raise MallNotFound(mall_id=command.mall_id)
    row = upsert(Staff).values(
        tenant_id=db.tenant_id,
        id=StaffId(new_id()),
        login=command.login,
        name=command.name,
        role=command.role,
        password_hash=password_hash,
        store_id=command.store_id,
        mall_id=command.mall_id,
        created_at=now,
    )
    employed = await db.execute(row.on_conflict_do_nothing().returning(Staff.id))
    staff_id = employed.scalar_one_or_none()
    if staff_id is None:
        raise StaffLoginTaken(login=command.login)
    return await find_staff(db, StaffId(staff_id))


async def dismiss_staff(db: Writing, staff_id: StaffId) -> StaffView:
    """End a staff member's log-in; the person's past deeds keep their name."""
    statement = (
        update(Staff).where(Staff.tenant_id == db.tenant_id, Staff.id == staff_id).values(active=False)
    )
    if (await db.execute(statement.returning(Staff.id))).scalar_one_or_none() is None:
        raise StaffNotFound(staff_id=staff_id)
    return await find_staff(db, staff_id)
