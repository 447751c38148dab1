"""The tables of promotions: who pays for a discount, and who does in frozen terms. Private to `settlement`."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from settlement.states import FunderRole
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class Promotion(Base):
    """促销活动: a discount's code and who pays for it, for a time. Never edited but for its end; sold lines keep what was frozen with them."""

    __tablename__ = "promotions"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="promotions_fk_tenants"),
        UniqueConstraint("tenant_id", "code"),
        one_of("residual_funder", FunderRole),
        rule("active", "active_to IS NULL OR active_from < active_to"),
        app="SELECT, INSERT, UPDATE (active_to)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]
    residual_funder: Mapped[str]
    """Who takes what the rounded-down portions leave."""
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)


class PromotionFunder(Base):
    """One funder's part of a promotion's cost."""

    __tablename__ = "promotion_funders"
    __table_args__ = tenant_table(
        belongs_to("promotions", "promotion_id"),
        one_of("role", FunderRole),
        rule("rate", "rate_bps BETWEEN 1 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    promotion_id: Mapped[Key]
    role: Mapped[str] = mapped_column(primary_key=True)
    rate_bps: Mapped[int]


class TermsFunder(Base):
    """One party's part of the discount of lines sold on frozen terms; `frozen_terms.funder_party_id` takes the rest."""

    __tablename__ = "terms_funders"
    __table_args__ = tenant_table(
        belongs_to("frozen_terms", "terms_id"),
        belongs_to("parties", "party_id"),
        rule("rate", "rate_bps BETWEEN 1 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    terms_id: Mapped[Key]
    party_id: Mapped[Key]
    rate_bps: Mapped[int]
