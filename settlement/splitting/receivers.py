"""Receivers: the merchant numbers to which parts of a payee's payments may be split, dated, one at a time for a party and payee.

Adding and ending are flows: written down, told to the channel, noted. A party's legal name is kept sealed; the channel compares it with
the registered one. Persons are no receivers: what they were split could never be asked back.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from orders.ports import Unknown
from settlement.commands import AddReceiver
from settlement.errors import ReceiverNotFound, ReceiverNotPossible, SplitPending
from settlement.models import Party
from settlement.ports import Added, Deleted, Receiver, Relation, SplitRefused, SplittingChannels
from settlement.splitting.models import ReceiverRow
from settlement.splitting.queries import find_receiver
from settlement.splitting.states import RECEIVER_MOVES, ReceiverState, origins
from settlement.splitting.views import ReceiverView
from settlement.states import PartyKind
from tenants.audit import record_deed
from tenants.credentials import keep_secret, open_secret
from tenants.errors import MerchantNotFound
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MerchantId, ReceiverId, new_id
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import merchants

PERSONS = frozenset({PartyKind.GUIDE})


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is told to the channel."""

    receiver_id: ReceiverId
    merchant_id: MerchantId
    state: ReceiverState
    receiver: Receiver


async def add_receiver(
    tenant: TenantScope,
    command: AddReceiver,
    *,
    channels: SplittingChannels,
    keys: KeyRing,
    actor: str,
    now: datetime,
) -> ReceiverView:
    """Let a party receive parts of a payee's payments, in place of its earlier receiver there; what the channel refuses stands on it.

    Raises SplitPending when nobody can say whether the channel knows it: ask again, adding it twice changes nothing.
    """
    async with tenant.writing() as db:
        receiver_id = await _write(db, command, keys=keys, actor=actor, now=now)
    async with tenant.reading() as db:
        written = await _written(db, receiver_id, keys=keys)
    channel = await channels.splitting(tenant, written.merchant_id)
    answer = await channel.add_receiver(written.receiver)
    if isinstance(answer, Unknown):
        raise SplitPending(receiver_id=receiver_id, reason=answer.reason)
    async with tenant.writing() as db:
        if isinstance(answer, Added):
            cleared = {"channel_code": None, "channel_message": None}
            await _move(db, receiver_id, to=ReceiverState.ADDED, added_at=now, **cleared)
        else:
            told = {"channel_code": answer.code, "channel_message": answer.message}
            await _move(db, receiver_id, to=ReceiverState.REFUSED, **told)
        return await find_receiver(db, receiver_id)


async def end_receiver(
    tenant: TenantScope,
    receiver_id: ReceiverId,
    *,
    channels: SplittingChannels,
    keys: KeyRing,
    actor: str,
    now: datetime,
) -> ReceiverView:
    """Send a party nothing more through the channel: what it is owed from now on is payable otherwise. Raises SplitPending."""
    async with tenant.reading() as db:
        written = await _written(db, receiver_id, keys=keys)
    if written.state is not ReceiverState.ENDED:
        channel = await channels.splitting(tenant, written.merchant_id)
        answer = await channel.delete_receiver(written.receiver)
        if not isinstance(answer, Deleted | SplitRefused):
            raise SplitPending(receiver_id=receiver_id, reason=answer.reason)
    async with tenant.writing() as db:
        if await _move(db, receiver_id, to=ReceiverState.ENDED, ended_at=now):
            await record_deed(db, actor=actor, action="end_receiver", subject_id=receiver_id, now=now)
        return await find_receiver(db, receiver_id)


async def _write(
    db: Writing, command: AddReceiver, *, keys: KeyRing, actor: str, now: datetime
) -> ReceiverId:
    merchant_id = await _payee(db, command)
    await _refuse_persons(db, command)
    standing = await _standing(db, command, merchant_id=merchant_id)
    if standing is not None:
        same_account = standing.account == command.account and standing.relation == command.relation
        if same_account and standing.state != ReceiverState.REFUSED:
            return ReceiverId(standing.id)
        await _move(db, ReceiverId(standing.id), to=ReceiverState.ENDED, ended_at=now)
    receiver_id = ReceiverId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": receiver_id, "party_id": command.party_id,
        "merchant_id": merchant_id, "account": command.account, "relation": command.relation.value,
        "state": ReceiverState.INTENDED.value, "created_at": now, "created_by": actor,
    }  # fmt: skip
    await db.execute(insert(ReceiverRow).values(row))
    name = command.legal_name.encode()
    await keep_secret(db, name=_secret_name(receiver_id), secret=name, keys=keys, now=now)
    await record_deed(db, actor=actor, action="add_receiver", subject_id=receiver_id, now=now)
    return receiver_id


async def _payee(db: Reading, command: AddReceiver) -> MerchantId:
    """The merchant whose payments are split: the named one, else the default one."""
    known = await merchants(db)
    chosen = next((each for each in known if command.merchant_id in {None, each.id}), None)
    if chosen is None:
        raise MerchantNotFound(merchant_id=command.merchant_id)
    return chosen.id


async def _refuse_persons(db: Reading, command: AddReceiver) -> None:
    statement = select(Party.kind).where(Party.tenant_id == db.tenant_id, Party.id == command.party_id)
    kind = (await db.execute(statement.with_for_update())).scalar_one_or_none()
    if kind is None:
        raise ReceiverNotFound(party_id=command.party_id)
    if kind in PERSONS:
        raise ReceiverNotPossible(party_id=command.party_id)


async def _standing(db: Reading, command: AddReceiver, *, merchant_id: MerchantId) -> Any:
    statement = select(ReceiverRow.id, ReceiverRow.account, ReceiverRow.relation, ReceiverRow.state).where(
        ReceiverRow.tenant_id == db.tenant_id,
        ReceiverRow.party_id == command.party_id,
        ReceiverRow.merchant_id == merchant_id,
        ReceiverRow.state != ReceiverState.ENDED,
    )
    return (await db.execute(statement)).one_or_none()


async def _written(db: Reading, receiver_id: ReceiverId, *, keys: KeyRing) -> Written:
    statement = select(
        ReceiverRow.merchant_id, ReceiverRow.account, ReceiverRow.relation, ReceiverRow.state
    ).where(ReceiverRow.tenant_id == db.tenant_id, ReceiverRow.id == receiver_id)  # fmt: skip
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise ReceiverNotFound(receiver_id=receiver_id)
    name = await open_secret(db, name=_secret_name(receiver_id), keys=keys)
    if name is None:
        raise ReceiverNotFound(receiver_id=receiver_id)
    return Written(
        receiver_id=receiver_id, merchant_id=MerchantId(row.merchant_id), state=ReceiverState(row.state),
        receiver=Receiver(account=row.account, name=name.decode(), relation=Relation(row.relation)),
    )  # fmt: skip


def _secret_name(receiver_id: ReceiverId) -> str:
    """Beside the tenant's other secrets, so that new master keys reach it too."""
    return f"receiver:{receiver_id}"


async def _move(db: Writing, receiver_id: ReceiverId, *, to: ReceiverState, **facts: object) -> bool:
    statement = (
        update(ReceiverRow)
        .where(
            ReceiverRow.tenant_id == db.tenant_id,
            ReceiverRow.id == receiver_id,
            ReceiverRow.state.in_(origins(RECEIVER_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(ReceiverRow.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None
