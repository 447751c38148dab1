"""The contacts' tables: private to `guides`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guides.contacts.states import MoveState
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class ContactWay(Base):
    """「联系我」: a code by which shoppers add one guide. WeCom lists these nowhere: what is forgotten here lives for ever there."""

    __tablename__ = "contact_ways"
    __table_args__ = tenant_table(
        belongs_to("guides", "guide_id"),
        UniqueConstraint("tenant_id", "code"),
        Index(
            "contact_ways_uq_live", "tenant_id", "guide_id", unique=True,
            postgresql_where=text("ending_at IS NULL"),
        ),
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    guide_id: Mapped[UUID]
    code: Mapped[str]
    """What WeCom tells of it when a shopper comes by it (its `state`); random, so that a wrong hint meets nothing."""
    way_no: Mapped[str | None]
    qr_code_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str]
    made_at: Mapped[datetime | None] = mapped_column(Moment)
    ending_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Contact(Base):
    """外部联系人: a person whom a guide has in WeCom; a shopper once their union ids meet."""

    __tablename__ = "contacts"
    __table_args__ = tenant_table(
        belongs_to("shoppers", "shopper_id"),
        UniqueConstraint("tenant_id", "contact_no"),
        Index("contacts_ix_union", "tenant_id", "union_id"),
        Index("contacts_ix_shopper", "tenant_id", "shopper_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    contact_no: Mapped[str]
    union_id: Mapped[str | None]
    shopper_id: Mapped[UUID | None]
    met_at: Mapped[datetime] = mapped_column(Moment)


class ContactBond(Base):
    """A guide's time with a contact in WeCom. A contact may have several guides; the relation has one holder."""

    __tablename__ = "contact_bonds"
    __table_args__ = tenant_table(
        belongs_to("contacts", "contact_id"),
        belongs_to("guides", "guide_id"),
        belongs_to("contact_ways", "way_id"),
        rule("active", "active_to IS NULL OR active_from <= active_to"),
        Index(
            "contact_bonds_uq_live", "tenant_id", "contact_id", "guide_id", unique=True,
            postgresql_where=text("active_to IS NULL"),
        ),
        Index("contact_bonds_ix_guide", "tenant_id", "guide_id"),
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    contact_id: Mapped[UUID]
    guide_id: Mapped[UUID]
    way_id: Mapped[UUID | None]
    """The way it came by: our own, and that guide's, or none."""
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    ended_by: Mapped[str | None]


class RelationMove(Base):
    """One shopper's relation on its way from one guide to another, or (without a taker) to the store."""

    __tablename__ = "relation_moves"
    __table_args__ = tenant_table(
        belongs_to("contacts", "contact_id"),
        belongs_to("shoppers", "shopper_id"),
        belongs_to("guides", "giver_id", name="relation_moves_fk_giver"),
        belongs_to("guides", "taker_id", name="relation_moves_fk_taker"),
        belongs_to("stores", "store_id"),
        one_of("state", MoveState),
        rule("whom", "contact_id IS NOT NULL OR shopper_id IS NOT NULL"),
        Index(
            "relation_moves_uq_open", "tenant_id", "contact_id", unique=True,
            postgresql_where=text("state IN ('intended', 'waiting')"),
        ),
        Index("relation_moves_ix_giver", "tenant_id", "giver_id", "id"),
        Index("relation_moves_ix_contact", "tenant_id", "contact_id", "started_at"),
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    contact_id: Mapped[UUID | None]
    shopper_id: Mapped[UUID | None]
    giver_id: Mapped[UUID]
    taker_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    """The giver's store when it was asked for: where a relation falls that finds no guide."""
    resigned: Mapped[bool]
    state: Mapped[str]
    code: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
