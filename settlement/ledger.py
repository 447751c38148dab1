"""The double-entry ledger: opens accounts, appends movements, moves balances. One row is one movement, so it balances by construction.

An entry is never negative and never changed: a step in the other direction swaps debit and credit. Balances are the only counters; they
move in the transaction that appends, all of an account's movements at once, accounts in the order of their ids. A step of nothing holds
its party's account all the same: the refund that may follow in the same transaction then meets no account that it does not hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Table, any_, bindparam, cast, column, func, insert, select, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from settlement.days import posting_moment
from settlement.errors import BalanceTooLarge
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.states import AccountKind, Cause
from tenants.kernel.ids import (
    AccountId,
    ContractId,
    EntryId,
    JournalId,
    OrderId,
    OrderLineId,
    PartyId,
    RefundId,
    StoreId,
    TenantId,
    TermsId,
    derived_id,
    new_id,
)
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing

LARGEST_BALANCE = 2**63 - 1
OUT_OF_RANGE = "22003"
"""What PostgreSQL says when a sum leaves the bigint."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account before its row exists: what it counts, of whom, at which store, under which contract; None where that is not of one."""

    kind: AccountKind
    name: str
    store_id: StoreId | None
    party_id: PartyId | None = None
    contract_id: ContractId | None = None

    def account_id(self, tenant_id: TenantId) -> AccountId:
        """The id that this account has in this tenant, for ever."""
        return _account_id(tenant_id, self)


@lru_cache(maxsize=65_536)
def _account_id(tenant_id: TenantId, account: Account) -> AccountId:
    """Counted once: the accounts of a chain's month are asked for again with every few thousand lines."""
    parts = (account.store_id or "", account.party_id or "", account.contract_id or "", account.name)
    return AccountId(derived_id(tenant_id, "account", account.kind.value, *parts))


def channel_account(store_id: StoreId, source: str) -> Account:
    """Where a store's money came in: our payment channel, a till elsewhere (`source`), or somebody else's merchant number."""
    return Account(kind=AccountKind.CHANNEL, name=f"{AccountKind.CHANNEL}:{source}", store_id=store_id)


def payable_account(
    party_id: PartyId, *, store_id: StoreId | None = None, contract_id: ContractId | None = None
) -> Account:
    """What a party is owed from one store under one contract; without them what concerns the whole contract, or the party as such."""
    return Account(
        kind=AccountKind.PAYABLE, name=AccountKind.PAYABLE.value, store_id=store_id, party_id=party_id,
        contract_id=contract_id,
    )  # fmt: skip


def coupon_account(store_id: StoreId, contributor: str = "") -> Account:
    """What coupons paid at a store, net of what refunds gave back to them: of one who paid for them, or of those nothing is said of."""
    name = f"{AccountKind.COUPON}:{contributor}" if contributor else AccountKind.COUPON.value
    return Account(kind=AccountKind.COUPON, name=name, store_id=store_id)


def fee_account(store_id: StoreId, number: str = "") -> Account:
    """What the channel is expected to keep of a store's payments: of ours, or of those by somebody else's merchant number."""
    name = f"{AccountKind.FEE}:{number}" if number else AccountKind.FEE.value
    return Account(kind=AccountKind.FEE, name=name, store_id=store_id)


def suspense_account(store_id: StoreId) -> Account:
    """Money that came in at a store and is nobody's."""
    return Account(kind=AccountKind.SUSPENSE, name=AccountKind.SUSPENSE.value, store_id=store_id)


def variance_account(store_id: StoreId) -> Account:
    """What partners' cashiers kept of a store's sales beyond what was agreed."""
    return Account(kind=AccountKind.VARIANCE, name="joint:variance", store_id=store_id)


def clearing_account(*, store_id: StoreId | None, contract_id: ContractId) -> Account:
    """What passes from one party of a contract to another beside a sale."""
    return Account(
        kind=AccountKind.CLEARING, name=AccountKind.CLEARING.value, store_id=store_id, contract_id=contract_id
    )


def bank_account() -> Account:
    """Money sent to parties by payouts."""
    return Account(kind=AccountKind.BANK, name=AccountKind.BANK.value, store_id=None)


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A step of one account against another: `amount_fen` is signed, positive when `account` is credited (a party is owed more)."""

    cause: Cause
    amount_fen: Fen
    against: Account
    account: Account
    party_id: PartyId | None = None
    contract_id: ContractId | None = None
    store_id: StoreId | None = None
    terms_id: TermsId | None = None
    order_id: OrderId | None = None
    order_line_id: OrderLineId | None = None
    refund_id: RefundId | None = None
    refund_line_no: int | None = None
    occurred_on: date
    period_on: date
    statement_version: int = 1


async def open_journal(
    db: Writing, cause: Cause, *, cause_id: UUID, occurred_at: datetime, now: datetime
) -> JournalId | None:
    """Begin the one journal of this cause; None when it exists: whoever posts it a second time posts nothing."""
    row = {
        "tenant_id": db.tenant_id, "id": new_id(), "cause": cause.value, "cause_id": cause_id,
        "occurred_at": occurred_at, "posted_at": await posting_moment(db, now),
    }  # fmt: skip
    statement = upsert(Journal).values(row).on_conflict_do_nothing().returning(Journal.id)
    journal_id = (await db.execute(statement)).scalar_one_or_none()
    return None if journal_id is None else JournalId(journal_id)


async def append(db: Writing, movements: Sequence[Movement], *, journal_id: JournalId) -> int:
    """Append the movements of one journal and move the balances; steps of nothing leave no entry. Returns the entries written."""
    return await _append(db, [(journal_id, movement) for movement in movements])


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A journal before it is opened, with its movements."""

    cause: Cause
    cause_id: UUID
    occurred_at: datetime
    movements: Sequence[Movement]


async def post_drafts(db: Writing, drafts: Sequence[Draft], *, now: datetime) -> int:
    """Post what is not posted yet, all of it at once, and move the balances once; returns the entries written.

    Once, because a transaction that takes balances twice meets another that does the same the other way round.
    """
    if not drafts:
        return 0
    opened = {(row.cause, row.cause_id): row.id for row in await _open_journals(db, drafts, now=now)}
    found = ((opened.get((draft.cause.value, draft.cause_id)), draft.movements) for draft in drafts)
    return await _append(
        db,
        [
            (JournalId(journal_id), movement)
            for journal_id, movements in found
            if journal_id
            for movement in movements
        ],
    )


_OPEN_JOURNALS = text(
    "INSERT INTO app.journals (tenant_id, id, cause, cause_id, occurred_at, posted_at)"
    " SELECT CAST(:tenant_id AS uuid), new.id, new.cause, new.cause_id, new.occurred_at, CAST(:now AS timestamptz)"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:causes AS text[]), CAST(:cause_ids AS uuid[]), CAST(:moments AS timestamptz[]))"
    " AS new (id, cause, cause_id, occurred_at) ORDER BY new.cause, new.cause_id"
    " ON CONFLICT DO NOTHING RETURNING id, cause, cause_id"
)


async def _open_journals(db: Writing, drafts: Sequence[Draft], *, now: datetime) -> Sequence[Any]:
    columns = {
        "ids": [new_id() for _ in drafts], "causes": [draft.cause.value for draft in drafts],
        "cause_ids": [draft.cause_id for draft in drafts], "moments": [draft.occurred_at for draft in drafts],
    }  # fmt: skip
    at = await posting_moment(db, now)
    return (await db.execute(_OPEN_JOURNALS, {"tenant_id": db.tenant_id, "now": at, **columns})).all()


_ENTRIES: Table = LedgerEntry.__table__  # type: ignore[assignment]
_COLUMNS: dict[str, Any] = {each.name: each.type for each in _ENTRIES.columns}
_NEW = (
    func.unnest(*(bindparam(f"new_{name}", type_=ARRAY(kind)) for name, kind in _COLUMNS.items()))
    .table_valued(*(column(name, kind) for name, kind in _COLUMNS.items()))
    .render_derived(name="new")
)
_APPEND = insert(_ENTRIES).from_select(list(_COLUMNS), select(_NEW))
"""One array a column: row by row the driver sends as many messages as there are entries."""


async def _append(db: Writing, movements: Sequence[tuple[JournalId, Movement]]) -> int:
    if not any(movement.amount_fen for _, movement in movements):
        return 0
    ids = {
        account: account.account_id(db.tenant_id)
        for account in {side for _, each in movements for side in (each.against, each.account)}
    }
    await open_accounts(db, ids)
    rows = []
    deltas: dict[AccountId, int] = defaultdict(int)
    for journal_id, movement in movements:
        against, account = ids[movement.against], ids[movement.account]
        debit, credit = (against, account) if movement.amount_fen > 0 else (account, against)
        amount = abs(movement.amount_fen)
        deltas[debit] -= amount
        deltas[credit] += amount
        if amount:
            rows.append(_row(db, movement, journal_id=journal_id, debit=debit, credit=credit))
    await db.execute(_APPEND, {f"new_{name}": [row[name] for row in rows] for name in _COLUMNS})
    await move_balances(db, deltas)
    return len(rows)


_OPEN = text(
    "INSERT INTO app.ledger_accounts (tenant_id, id, kind, name, party_id, store_id, contract_id, balance_fen)"
    " SELECT CAST(:tenant_id AS uuid), new.id, new.kind, new.name, new.party_id, new.store_id, new.contract_id, 0"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:names AS text[]), CAST(:parties AS uuid[]),"
    " CAST(:stores AS uuid[]), CAST(:contracts AS uuid[])) AS new (id, kind, name, party_id, store_id, contract_id)"
    " ORDER BY new.id ON CONFLICT DO NOTHING"
)


async def open_accounts(db: Writing, accounts: Iterable[Account]) -> None:
    """Write the accounts that are not there yet, in the order of their ids."""
    wanted = {account.account_id(db.tenant_id): account for account in accounts}
    known = select(LedgerAccount.id).where(
        LedgerAccount.tenant_id == db.tenant_id,
        LedgerAccount.id == any_(cast(list(wanted), ARRAY(PG_UUID))),
    )
    new = sorted(wanted.keys() - set((await db.execute(known)).scalars()))
    if not new:
        return
    found = [wanted[account_id] for account_id in new]
    columns = {
        "ids": new, "kinds": [each.kind.value for each in found], "names": [each.name for each in found],
        "parties": [each.party_id for each in found], "stores": [each.store_id for each in found],
        "contracts": [each.contract_id for each in found],
    }  # fmt: skip
    await db.execute(_OPEN, {"tenant_id": db.tenant_id, **columns})


_MOVE = text(
    # The inner query takes the row locks in the order of ids: an UPDATE alone takes them in whatever order its plan meets the rows.
    "WITH held AS (SELECT old.id FROM app.ledger_accounts AS old WHERE old.tenant_id = :tenant_id AND old.id = ANY(:ids)"
    " ORDER BY old.id FOR NO KEY UPDATE)"
    " UPDATE app.ledger_accounts AS account SET balance_fen = account.balance_fen + delta.fen"
    " FROM held JOIN unnest(CAST(:ids AS uuid[]), CAST(:deltas AS bigint[])) AS delta(id, fen) ON delta.id = held.id"
    " WHERE account.tenant_id = :tenant_id AND account.id = held.id"
)


async def move_balances(db: Writing, deltas: Mapping[AccountId, int]) -> None:
    """Add to the balances (credits minus debits), all in one statement; raises BalanceTooLarge."""
    ids = sorted(deltas)
    if not ids:
        return
    values = {"tenant_id": db.tenant_id, "ids": ids, "deltas": [deltas[account_id] for account_id in ids]}
    if any(abs(delta) > LARGEST_BALANCE for delta in deltas.values()):
        raise BalanceTooLarge
    try:
        await db.execute(_MOVE, values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == OUT_OF_RANGE:
            raise BalanceTooLarge from error
        raise


def _row(
    db: Writing, movement: Movement, *, journal_id: JournalId, debit: AccountId, credit: AccountId
) -> dict[str, object]:
    return {
        "tenant_id": db.tenant_id, "id": EntryId(new_id()), "journal_id": journal_id,
        "cause": movement.cause.value, "debit_account_id": debit, "credit_account_id": credit,
        "amount_fen": abs(movement.amount_fen), "party_id": movement.party_id,
        "contract_id": movement.contract_id, "store_id": movement.store_id, "terms_id": movement.terms_id,
        "order_id": movement.order_id, "order_line_id": movement.order_line_id,
        "refund_id": movement.refund_id, "refund_line_no": movement.refund_line_no,
        "occurred_on": movement.occurred_on, "period_on": movement.period_on,
        "statement_version": movement.statement_version,
    }  # fmt: skip
