"""Notes an invoice number beside a statement. The statement's files do not change by it: they are what was signed."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.errors import InvoiceNumberTaken, InvoiceWrong
from settlement.signing.commands import RecordInvoice
from settlement.signing.models import StatementInvoice
from settlement.signing.queries import invoices, standing_of
from settlement.signing.views import InvoiceList
from tenants.audit import record_deed
from tenants.kernel.ids import InvoiceId, StatementId, new_id
from tenants.kernel.scope import Writing


async def record_invoice(
    db: Writing, command: RecordInvoice, *, statement_id: StatementId, recorded_by: str, now: datetime
) -> InvoiceList:
    """Note an invoice; a number stands once. Raises InvoiceWrong where the tax cannot belong to the amount."""
    await standing_of(db, statement_id)
    amount, tax = command.amount_fen, command.tax_fen
    if not amount or abs(tax) >= abs(amount) or tax * amount < 0:
        raise InvoiceWrong(details={"taxFen": f"{tax} of {amount}"})
    row = {
        "tenant_id": db.tenant_id, "id": InvoiceId(new_id()), "statement_id": statement_id,
        "invoice_no": command.invoice_no, "issued_on": command.issued_on, "amount_fen": amount, "tax_fen": tax,
        "recorded_at": now, "recorded_by": recorded_by,
    }  # fmt: skip
    written = upsert(StatementInvoice).values(row).on_conflict_do_nothing().returning(StatementInvoice.id)
    if (await db.execute(written)).scalar_one_or_none() is None:
        raise InvoiceNumberTaken(details={"invoiceNo": command.invoice_no})
    await record_deed(
        db, actor=recorded_by, action="record_invoice", subject_id=statement_id, now=now, reason=command.invoice_no
    )  # fmt: skip
    return InvoiceList(invoices=await invoices(db, statement_id))
