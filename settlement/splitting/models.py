"""Splitting's tables: private to `settlement`. Receivers, one splitting a payment with its parts, returns and unfreezes.

Each number is written down before the channel hears it and is never used for anything else; states only move forward.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.ports import Relation
from settlement.splitting.states import PartStatus, ReceiverState, ReturnStatus, SplitStatus, UnfreezeStatus
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class ReceiverRow(Base):
    """分账接收方: the merchant number under which a party receives parts of one payee's payments. Its legal name is kept sealed beside the tenant's other secrets."""

    __tablename__ = "receivers"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        belongs_to("merchants", "merchant_id"),
        one_of("state", ReceiverState),
        one_of("relation", Relation),
        Index(
            "receivers_uq_current", "tenant_id", "party_id", "merchant_id", unique=True,
            postgresql_where=text("state <> 'ended'"),
        ),
        app="SELECT, INSERT, UPDATE (state, added_at, ended_at, channel_code, channel_message)",
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    party_id: Mapped[UUID]
    merchant_id: Mapped[UUID]
    account: Mapped[str]
    relation: Mapped[str]
    state: Mapped[str]
    channel_code: Mapped[str | None]
    channel_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str]
    added_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Split(Base):
    """分账: the one splitting of a payment, from the day it was paid to the day that nothing is left frozen."""

    __tablename__ = "splits"
    __table_args__ = tenant_table(
        belongs_to("orders", "order_id"),
        belongs_to("payments", "payment_id"),
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint("tenant_id", "payment_id"),
        UniqueConstraint("tenant_id", "split_no"),
        one_of("state", SplitStatus),
        Index("splits_ix_order", "tenant_id", "order_id"),
        Index("splits_ix_transaction", "tenant_id", "transaction_id"),
        Index(
            "splits_ix_unfinished",
            "tenant_id",
            "paid_at",
            postgresql_where=text("state NOT IN ('ended', 'lapsed')"),
        ),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    order_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    merchant_id: Mapped[UUID]
    transaction_id: Mapped[str]
    split_no: Mapped[str | None]
    channel_no: Mapped[str | None]
    state: Mapped[str]
    total_fen: Mapped[Fen]
    channel_code: Mapped[str | None]
    channel_message: Mapped[str | None]
    paid_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the platform was first seen to hold the goods for received."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    warned_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class SplitPartRow(Base):
    """One receiver's part of a split."""

    __tablename__ = "split_parts"
    __table_args__ = tenant_table(
        belongs_to("splits", "split_id"),
        belongs_to("parties", "party_id"),
        belongs_to("receivers", "receiver_id"),
        one_of("state", PartStatus),
        rule("amount", "amount_fen > 0"),
    )

    tenant_id: Mapped[TenantKey]
    split_id: Mapped[Key]
    party_id: Mapped[Key]
    receiver_id: Mapped[UUID]
    account: Mapped[str]
    amount_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(default=PartStatus.PENDING)
    trouble: Mapped[str | None]
    channel_code: Mapped[str | None]
    detail_no: Mapped[str | None]
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class SplitReturn(Base):
    """分账回退: a receiver is asked to give back part of its part, because of a refund. Independent of that refund's own way."""

    __tablename__ = "split_returns"
    __table_args__ = tenant_table(
        belongs_to("splits", "split_id"),
        belongs_to("parties", "party_id"),
        belongs_to("refunds", "refund_id"),
        belongs_to("split_returns", "replaces_id", name="split_returns_fk_replaces"),
        UniqueConstraint("tenant_id", "return_no"),
        one_of("state", ReturnStatus),
        rule("amount", "amount_fen > 0"),
        Index("split_returns_ix_split", "tenant_id", "split_id"),
        Index("split_returns_ix_refund", "tenant_id", "refund_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    split_id: Mapped[UUID]
    party_id: Mapped[UUID]
    refund_id: Mapped[UUID]
    replaces_id: Mapped[UUID | None]
    return_no: Mapped[str]
    account: Mapped[str]
    amount_fen: Mapped[Fen]
    state: Mapped[str]
    trouble: Mapped[str | None]
    channel_code: Mapped[str | None]
    channel_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Unfreeze(Base):
    """解冻: ends the splitting of a payment, under a number that no split has used."""

    __tablename__ = "unfreezes"
    __table_args__ = tenant_table(
        belongs_to("splits", "split_id"),
        UniqueConstraint("tenant_id", "unfreeze_no"),
        one_of("state", UnfreezeStatus),
        Index("unfreezes_ix_split", "tenant_id", "split_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    split_id: Mapped[UUID]
    unfreeze_no: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
