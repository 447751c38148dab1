"""The counter that keeps a statement from being paid twice: taken before a line is written, given back when its money did not go."""

from sqlalchemy import text, update

from settlement.payouts.errors import PayoutExceedsStatement
from settlement.signing.models import StatementStanding
from settlement.signing.states import StatementState
from tenants.kernel.ids import StatementId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def hold_payouts(db: Writing) -> None:
    """Let one batch of this tenant be prepared after the other: what two statements of one party share is read, not counted."""
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.payouts:' || tenant_id::text, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id})


async def take_from(db: Writing, statement_id: StatementId, *, amount_fen: Fen) -> None:
    """Count an amount against a signed statement; raises PayoutExceedsStatement where it says less is owed."""
    taken = (
        update(StatementStanding)
        .where(
            StatementStanding.tenant_id == db.tenant_id, StatementStanding.statement_id == statement_id,
            StatementStanding.state == StatementState.APPROVED,
            StatementStanding.payout_fen + amount_fen <= StatementStanding.payable_fen,
        )
        .values(payout_fen=StatementStanding.payout_fen + amount_fen)
        .returning(StatementStanding.statement_id)
    )  # fmt: skip
    if (await db.execute(taken)).scalar_one_or_none() is None:
        raise PayoutExceedsStatement(statement_id=statement_id, amount_fen=amount_fen)


async def give_back(db: Writing, statement_id: StatementId, *, amount_fen: Fen) -> None:
    """Count an amount off again; the CHECK refuses more than was taken."""
    await db.execute(
        update(StatementStanding)
        .where(StatementStanding.tenant_id == db.tenant_id, StatementStanding.statement_id == statement_id)
        .values(payout_fen=StatementStanding.payout_fen - amount_fen)
    )
