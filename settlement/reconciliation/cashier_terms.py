"""What was agreed with partners' cashiers, by the day it starts: written once, never edited; a change starts on a later (or another) day."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.reconciliation.commands import SetCashierTerms
from settlement.reconciliation.errors import CashierTermsStand
from settlement.reconciliation.joint import CashierTerms, Rounding
from settlement.reconciliation.models import CashierTermsRow
from tenants.audit import record_deed
from tenants.errors import StoreNotFound
from tenants.kernel.ids import StoreId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading, Writing
from tenants.queries import store_ids_by_code


async def set_cashier_terms(
    db: Writing, command: SetCashierTerms, *, now: datetime, actor: str
) -> CashierTerms:
    """Write down what was agreed from a day on; the same again changes nothing. Raises StoreNotFound, CashierTermsStand."""
    store_id = (await store_ids_by_code(db, [command.store_code])).get(command.store_code)
    if store_id is None:
        raise StoreNotFound(details={"storeCode": f"no store has the code {command.store_code}"})
    wanted = CashierTerms(
        cashier=command.cashier.strip(), starts_on=command.starts_on, deduction_bps=Bps(command.deduction_bps),
        fee_bps=Bps(command.fee_bps), rounding=Rounding(command.rounding), store_id=store_id,
    )  # fmt: skip
    row = {
        "tenant_id": db.tenant_id, "cashier": wanted.cashier, "starts_on": wanted.starts_on,
        "deduction_bps": wanted.deduction_bps, "fee_bps": wanted.fee_bps, "rounding": wanted.rounding.value,
        "store_id": store_id, "created_by": actor, "created_at": now,
    }  # fmt: skip
    made = upsert(CashierTermsRow).values(row).on_conflict_do_nothing().returning(CashierTermsRow.starts_on)
    if (await db.execute(made)).scalar_one_or_none() is None:
        if wanted not in await cashier_terms(db, wanted.cashier):
            raise CashierTermsStand(
                details={"startsOn": f"{wanted.cashier} has other terms from {wanted.starts_on}"}
            )
        return wanted
    told = f"{wanted.cashier} from {wanted.starts_on}: {wanted.deduction_bps} + {wanted.fee_bps} bps"
    await record_deed(db, actor=actor, action="set_cashier_terms", subject_id=store_id, now=now, reason=told)
    return wanted


async def cashier_terms(db: Reading, cashier: str) -> list[CashierTerms]:
    """What was agreed with one cashier, the latest first."""
    statement = (
        select(
            CashierTermsRow.cashier, CashierTermsRow.starts_on, CashierTermsRow.deduction_bps, CashierTermsRow.fee_bps,
            CashierTermsRow.rounding, CashierTermsRow.store_id,
        )
        .where(CashierTermsRow.tenant_id == db.tenant_id, CashierTermsRow.cashier == cashier)
        .order_by(CashierTermsRow.starts_on.desc())
    )  # fmt: skip
    return [
        CashierTerms(
            cashier=row.cashier, starts_on=row.starts_on, deduction_bps=Bps(row.deduction_bps), fee_bps=Bps(row.fee_bps),
            rounding=Rounding(row.rounding), store_id=StoreId(row.store_id),
        )
        for row in await db.execute(statement)
    ]  # fmt: skip
