"""The guides' tables: private to `guides`; others read through `queries` and `views`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guides.states import CommissionBase, RelationSource, Scene
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table
from tenants.levels import Level


class Guide(Base):
    """导购: a sales person. Leaving ends `active_to`; what was earned stays with the person."""

    __tablename__ = "guides"
    __table_args__ = tenant_table(
        belongs_to("staff", "staff_id"),
        UniqueConstraint("tenant_id", "code"),
        Index(
            "guides_uq_staff",
            "tenant_id",
            "staff_id",
            unique=True,
            postgresql_where=text("staff_id IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str | None]
    staff_id: Mapped[UUID | None]
    openid: Mapped[str | None]
    wecom_userid: Mapped[str | None]
    avatar_url: Mapped[str | None]
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)


class GuideCard(Base):
    """导购名片 (支付即服务): the number under which the payment channel knows a guide at one merchant."""

    __tablename__ = "guide_cards"
    __table_args__ = tenant_table(belongs_to("guides", "guide_id"), belongs_to("merchants", "merchant_id"))

    tenant_id: Mapped[TenantKey]
    guide_id: Mapped[Key]
    merchant_id: Mapped[Key]
    card_no: Mapped[str]
    kept_at: Mapped[datetime] = mapped_column(Moment)


class GuideAssignment(Base):
    """A guide's time at a store. Assignments may overlap: the context store decides, not the guide."""

    __tablename__ = "guide_assignments"
    __table_args__ = tenant_table(
        belongs_to("guides", "guide_id"),
        belongs_to("stores", "store_id"),
        Index("guide_assignments_ix_store", "tenant_id", "store_id"),
        rule("active", "active_to IS NULL OR active_from < active_to"),
    )

    tenant_id: Mapped[TenantKey]
    guide_id: Mapped[Key]
    store_id: Mapped[Key]
    active_from: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    active_to: Mapped[datetime | None] = mapped_column(Moment)


class SceneLink(Base):
    """A guide's, store's or campaign's link: what a short opaque scene code stands for, known to the server only."""

    __tablename__ = "scene_links"
    __table_args__ = tenant_table(
        belongs_to("stores", "store_id"),
        belongs_to("guides", "guide_id"),
        UniqueConstraint("tenant_id", "code"),
        one_of("scene", Scene),
        Index("scene_links_ix_guide", "tenant_id", "guide_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    scene: Mapped[str]
    store_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]
    campaign: Mapped[str | None]
    target: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class Touch(Base):
    """One recorded contact of a shopper with a link: the evidence of attribution. Kept as it was seen, never edited."""

    __tablename__ = "touches"
    __table_args__ = tenant_table(
        belongs_to("shoppers", "shopper_id"),
        belongs_to("scene_links", "scene_link_id"),
        Index("touches_ix_shopper", "tenant_id", "shopper_id", "touched_at"),
        one_of("scene", Scene),
        app="SELECT, INSERT, UPDATE (shopper_id)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    shopper_id: Mapped[UUID | None]
    visitor: Mapped[str | None]
    scene_link_id: Mapped[UUID]
    scene: Mapped[str]
    store_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]
    campaign: Mapped[str | None]
    launch_scene: Mapped[int | None]
    touched_at: Mapped[datetime] = mapped_column(Moment)


class Relation(Base):
    """A dated guide-shopper bond. It belongs to the tenant; the guide holds it for a time, or without a guide the store does.

    A row is one holder's time: it is ended, never given to somebody else.
    """

    __tablename__ = "relations"
    __table_args__ = tenant_table(
        belongs_to("shoppers", "shopper_id"),
        belongs_to("guides", "guide_id"),
        belongs_to("stores", "store_id"),
        one_of("source", RelationSource),
        Index(
            "relations_uq_held",
            "tenant_id",
            "shopper_id",
            unique=True,
            postgresql_where=text("active_to IS NULL"),
        ),
        Index("relations_ix_guide", "tenant_id", "guide_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    shopper_id: Mapped[UUID]
    guide_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    """Where it fell when it lost its guide."""
    source: Mapped[str]
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)


class CommissionPlan(Base):
    """提成方案: dated rates for guides at one level. Versions are never edited; a new one starts later."""

    __tablename__ = "commission_plans"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="commission_plans_fk_tenants"),
        one_of("level", Level),
        one_of("base", CommissionBase),
        rule("active", "active_to IS NULL OR active_from < active_to"),
        Index("commission_plans_ix_level", "tenant_id", "level_id", "active_from"),
        app="SELECT, INSERT, UPDATE (active_to)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    name: Mapped[str]
    level: Mapped[str]
    level_id: Mapped[UUID]
    base: Mapped[str] = mapped_column(default=CommissionBase.PAID_GOODS)
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)


class CommissionRate(Base):
    """One rate of a plan: for a category, or for everything (category_code '')."""

    __tablename__ = "commission_rates"
    __table_args__ = tenant_table(
        belongs_to("commission_plans", "plan_id"),
        rule("rate", "rate_bps BETWEEN 0 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    plan_id: Mapped[Key]
    category_code: Mapped[str] = mapped_column(primary_key=True, default="")
    rate_bps: Mapped[int]
