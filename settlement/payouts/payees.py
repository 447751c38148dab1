"""Where a party's money goes: written once, sealed, never edited; a new one ends the one before. Guides get theirs from their number."""

from datetime import datetime

import msgspec
from sqlalchemy import insert, select, update

from guides.queries import find_guide
from settlement.errors import PartyUnknown
from settlement.models import Party
from settlement.payouts.commands import SetPayee
from settlement.payouts.errors import PayeeNotFound, PayeeWrong
from settlement.payouts.models import Payee
from settlement.payouts.queries import payees
from settlement.payouts.states import PayeeKind
from settlement.payouts.views import PayeeView
from settlement.states import PartyKind
from tenants.audit import record_deed
from tenants.credentials import keep_secret, open_secret
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import GuideId, PartyId, PayeeId, new_id
from tenants.kernel.scope import Reading, Writing

TAIL = 4
SYSTEM = "system:payouts"


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the envelope."""

    account_name: str
    account_no: str
    bank_name: str


async def set_payee(
    db: Writing, command: SetPayee, *, party_id: PartyId, keys: KeyRing, actor: str, now: datetime
) -> PayeeView:
    """Say where a party's money goes from now on; batches that are prepared already keep the one they have."""
    kind = await _hold_party(db, party_id)
    bank = _refuse_wrong(command, kind)
    ended = update(Payee).where(
        Payee.tenant_id == db.tenant_id, Payee.party_id == party_id, Payee.ended_at.is_(None)
    )
    await db.execute(ended.values(ended_at=now, ended_by=actor))
    payee_id = await _write(
        db, party_id, kind=command.kind, payroll_no=command.payroll_no,
        tail=bank.account_no[-TAIL:] if bank else None, actor=actor, now=now,
    )  # fmt: skip
    if bank is not None:
        sealed = msgspec.json.encode(bank)
        await keep_secret(db, name=_secret_name(payee_id), secret=sealed, keys=keys, now=now)
    await record_deed(db, actor=actor, action="set_payee", subject_id=party_id, now=now)
    return next(each for each in await payees(db, party_id=party_id) if each.id == payee_id)


async def ensure_payroll(db: Writing, *, now: datetime) -> None:
    """Give every guide without a payee the payroll number that the brand knows the guide by."""
    known = select(Payee.party_id).where(Payee.tenant_id == db.tenant_id, Payee.ended_at.is_(None))
    missing = (
        select(Party.id, Party.guide_id)
        .where(
            Party.tenant_id == db.tenant_id, Party.kind == PartyKind.GUIDE, Party.guide_id.is_not(None),
            Party.id.not_in(known),
        )
        .order_by(Party.id)
    )  # fmt: skip
    for row in (await db.execute(missing)).all():
        guide = await find_guide(db, GuideId(row.guide_id))
        await _write(
            db, PartyId(row.id), kind=PayeeKind.PAYROLL, payroll_no=guide.code, tail=None, actor=SYSTEM, now=now
        )  # fmt: skip


async def open_bank_account(db: Reading, payee_id: PayeeId, *, keys: KeyRing) -> BankAccount:
    """Open the envelope; for `accounts.bank_accounts` and nothing else, because it asks whether the batch was released."""
    sealed = await open_secret(db, name=_secret_name(payee_id), keys=keys)
    if sealed is None:
        raise PayeeNotFound(payee_id=payee_id)
    return msgspec.json.decode(sealed, type=BankAccount)


async def _hold_party(db: Writing, party_id: PartyId) -> PartyKind:
    """Hold the party, so that of two who say where its money goes one comes after the other."""
    found = select(Party.kind).where(Party.tenant_id == db.tenant_id, Party.id == party_id)
    kind = (await db.execute(found.with_for_update())).scalar_one_or_none()
    if kind is None:
        raise PartyUnknown(details={"partyId": str(party_id)})
    return PartyKind(kind)


def _refuse_wrong(command: SetPayee, kind: PartyKind) -> BankAccount | None:
    """The bank account, of a company; raises PayeeWrong for what cannot be paid to."""
    if kind is PartyKind.BRAND:
        raise PayeeWrong(details={"partyId": "the brand pays; nobody pays it out"})
    if command.kind is PayeeKind.PAYROLL:
        if kind is not PartyKind.GUIDE or not command.payroll_no or command.account_no:
            raise PayeeWrong(details={"payrollNo": "only guides are paid by payroll, by their number alone"})
        return None
    if not (command.account_name and command.account_no and command.bank_name) or command.payroll_no:
        raise PayeeWrong(details={"accountNo": "a bank account has accountName, accountNo and bankName"})
    return BankAccount(
        account_name=command.account_name, account_no=command.account_no, bank_name=command.bank_name
    )


async def _write(
    db: Writing,
    party_id: PartyId,
    *,
    kind: PayeeKind,
    payroll_no: str | None,
    tail: str | None,
    actor: str,
    now: datetime,
) -> PayeeId:
    payee_id = PayeeId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": payee_id, "party_id": party_id, "kind": kind.value,
        "payroll_no": payroll_no, "account_tail": tail, "created_at": now, "created_by": actor,
    }  # fmt: skip
    await db.execute(insert(Payee).values(row))
    return payee_id


def _secret_name(payee_id: PayeeId) -> str:
    """Beside the tenant's other secrets, so that new master keys reach it too."""
    return f"payee:{payee_id}"
