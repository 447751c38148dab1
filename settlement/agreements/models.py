"""The tables of what a contract agrees beside its ordinary rates, and of what its periods came to. Private to `settlement`; never edited."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, rule, tenant_table


class ContractSpecialRate(Base):
    """特殊扣点: a party's rate for a SKU, a promotion, or some days (both inclusive); an empty code names nothing. The more specific wins."""

    __tablename__ = "contract_special_rates"
    __table_args__ = tenant_table(
        belongs_to("contracts", "contract_id"),
        belongs_to("parties", "party_id"),
        rule("rate", "rate_bps BETWEEN 0 AND 10000"),
        rule("valid", "valid_from_on IS NULL OR valid_to_on IS NULL OR valid_from_on <= valid_to_on"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    contract_id: Mapped[Key]
    row_no: Mapped[int] = mapped_column(primary_key=True)
    party_id: Mapped[UUID]
    category_code: Mapped[str] = mapped_column(default="")
    sku_code: Mapped[str] = mapped_column(default="")
    promotion_code: Mapped[str] = mapped_column(default="")
    valid_from_on: Mapped[date | None] = mapped_column(Date)
    valid_to_on: Mapped[date | None] = mapped_column(Date)
    rate_bps: Mapped[int]


class ContractPeriodTerms(Base):
    """周期条款: guarantee, tiers and cap agreed with one party, as `period_terms.PeriodRules` reads them."""

    __tablename__ = "contract_period_terms"
    __table_args__ = tenant_table(
        belongs_to("contracts", "contract_id"), belongs_to("parties", "party_id"), app="SELECT, INSERT"
    )

    tenant_id: Mapped[TenantKey]
    contract_id: Mapped[Key]
    party_id: Mapped[Key]
    rules: Mapped[dict[str, Any]]


class TrueUp(Base):
    """结算调整: what a party's period came to beside its sales, with every step of the reckoning. The id is its journal's cause."""

    __tablename__ = "true_ups"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        UniqueConstraint("tenant_id", "contract_code", "party_id", "period_on", name="true_ups_uq_period"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    contract_code: Mapped[str]
    party_id: Mapped[UUID]
    term_starts_on: Mapped[date] = mapped_column(Date)
    """The first period of the month, quarter or year that it settles; of the earliest, where it reckons some again."""
    period_on: Mapped[date] = mapped_column(Date)
    """The period it is booked into: the one that was being closed."""
    amount_fen: Mapped[Fen]
    reckoning: Mapped[list[Any]]
    """One step-by-step reckoning (`agreements.views.Reckoned`) for each stretch of equal terms."""
    created_at: Mapped[datetime] = mapped_column(Moment)
