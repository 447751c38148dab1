"""The settlement's tables: private to `settlement`; others read through `queries` and `views`.

Contracts and frozen terms are never edited, the ledger is only appended to (by GRANTs); an account's balance is the one counter.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.agreements.agreed import Bearer, Invoice, OverRatio
from settlement.states import (
    COUPONS,
    ENTITLEMENT,
    FEES,
    JOINT,
    UNWANTED,
    AccountKind,
    Cause,
    PartyKind,
    PeriodState,
    RateBase,
)
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table

_OF_SALES = ", ".join(f"'{cause}'" for cause in ENTITLEMENT)
_PARTYLESS = ", ".join(f"'{cause}'" for cause in (*COUPONS, *FEES, *UNWANTED, *JOINT))


class Party(Base):
    """结算方: anyone who can be owed."""

    __tablename__ = "parties"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="parties_fk_tenants"),
        belongs_to("guides", "guide_id"),
        UniqueConstraint("tenant_id", "code"),
        one_of("kind", PartyKind),
        Index("parties_ix_mall", "tenant_id", "mall_id"),
        Index("parties_ix_guide", "tenant_id", "guide_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    kind: Mapped[str]
    code: Mapped[str]
    name: Mapped[str]
    mall_id: Mapped[UUID | None] = mapped_column(ForeignKey("app.malls.id", name="parties_fk_malls"))
    guide_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(Moment)


class Contract(Base):
    """合同: one version of dated revenue terms. `code` joins the versions; none is ever edited, a new one starts later.

    The house contract (code 'house') covers stores without a mall's contract: everything to the residual party, the brand.
    """

    __tablename__ = "contracts"
    __table_args__ = tenant_table(
        belongs_to("parties", "residual_party_id"),
        belongs_to("parties", "collected_by_party_id", name="contracts_fk_collected_by_party"),
        UniqueConstraint("tenant_id", "code", "version"),
        belongs_to("parties", "channel_fee_party_id", name="contracts_fk_channel_fee_party"),
        belongs_to("parties", "coupons_party_id", name="contracts_fk_coupons_party"),
        one_of("base", RateBase),
        one_of("channel_fee_by", Bearer),
        one_of("coupons_by", Bearer),
        one_of("invoice", Invoice),
        one_of("over_ratio", OverRatio),
        rule("active", "active_to IS NULL OR active_from < active_to"),
        rule("cut_off_day", "cut_off_day BETWEEN 1 AND 28"),
        rule("payment_days", "payment_days BETWEEN 0 AND 365"),
        rule("tax", "tax_bps BETWEEN 0 AND 10000"),
        rule("channel_fee_by_party", "(channel_fee_by = 'party') = (channel_fee_party_id IS NOT NULL)"),
        rule("coupons_by_party", "(coupons_by = 'party') = (coupons_party_id IS NOT NULL)"),
        app="SELECT, INSERT, UPDATE (active_to)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    residual_party_id: Mapped[UUID]
    residual_by_owner: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Where somebody else than the brand sells at a store, the rest is that party's."""
    collected_by_party_id: Mapped[UUID | None]
    """收款方: whose till or cashier takes the money of sales that do not run through our channel."""
    collected_sources: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'::jsonb"))
    """The sources whose sales it takes the money of; all of them when none is named."""
    base: Mapped[str] = mapped_column(default=RateBase.PAID_GOODS)
    base_includes_funded_by: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'::jsonb")
    )
    profit_sharing: Mapped[bool]
    over_ratio: Mapped[str] = mapped_column(default=OverRatio.REFUSE, server_default=OverRatio.REFUSE)
    time_zone: Mapped[str]
    cut_off_day: Mapped[int | None]
    """账期截止日 (1 to 28); without one a period is the calendar month."""
    payment_days: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """T+N: how many days after a period's end its statement is paid."""
    tax_bps: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    invoice: Mapped[str] = mapped_column(default=Invoice.NONE, server_default=Invoice.NONE)
    channel_fee_by: Mapped[str] = mapped_column(default=Bearer.RESIDUAL, server_default=Bearer.RESIDUAL)
    channel_fee_party_id: Mapped[UUID | None]
    coupons_by: Mapped[str] = mapped_column(default=Bearer.RESIDUAL, server_default=Bearer.RESIDUAL)
    coupons_party_id: Mapped[UUID | None]
    active_from: Mapped[datetime] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)


class ContractStore(Base):
    """A store that a contract covers; the house contract names none and covers the rest."""

    __tablename__ = "contract_stores"
    __table_args__ = tenant_table(
        belongs_to("contracts", "contract_id"),
        belongs_to("stores", "store_id"),
        Index("contract_stores_ix_store", "tenant_id", "store_id"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    contract_id: Mapped[Key]
    store_id: Mapped[Key]


class ContractRate(Base):
    """扣点: one party's ordinary rate, for a category or for everything (category_code ''); the more specific wins.

    Rates for a SKU, a promotion or some days are `ContractSpecialRate`s.
    """

    __tablename__ = "contract_rates"
    __table_args__ = tenant_table(
        belongs_to("contracts", "contract_id"),
        belongs_to("parties", "party_id"),
        rule("rate", "rate_bps BETWEEN 0 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    contract_id: Mapped[Key]
    party_id: Mapped[Key]
    category_code: Mapped[str] = mapped_column(primary_key=True, default="")
    rate_bps: Mapped[int]


class FrozenTerms(Base):
    """The terms one line was sold on, interned: the id is derived from the content, so equal terms are one row, for ever."""

    __tablename__ = "frozen_terms"
    __table_args__ = tenant_table(
        belongs_to("contracts", "contract_id"),
        belongs_to("parties", "residual_party_id"),
        belongs_to("parties", "collector_party_id", name="frozen_terms_fk_collector_party"),
        belongs_to("parties", "funder_party_id", name="frozen_terms_fk_funder_party"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    contract_id: Mapped[UUID]
    residual_party_id: Mapped[UUID]
    collector_party_id: Mapped[UUID | None]
    """Who took the money, where it was not us: its own till, or a merchant number of its own."""
    funder_party_id: Mapped[UUID | None]
    """Who bears what the funders' portions of a discount leave; null: nobody shares it."""
    profit_sharing: Mapped[bool]
    content: Mapped[dict[str, Any]]


class TermsPortion(Base):
    """One party's rate in frozen terms; the residual party has no row, it holds what is left."""

    __tablename__ = "terms_portions"
    __table_args__ = tenant_table(
        belongs_to("frozen_terms", "terms_id"),
        belongs_to("parties", "party_id"),
        rule("rate", "rate_bps BETWEEN 0 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    terms_id: Mapped[Key]
    party_id: Mapped[Key]
    rate_bps: Mapped[int]
    of_paid: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the rate is of what was paid, whatever the base of the contract."""


class LedgerAccount(Base):
    """账户: where money is counted, per party, kind, store and contract. The id is derived from those, so it is unique by itself."""

    __tablename__ = "ledger_accounts"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        belongs_to("stores", "store_id"),
        belongs_to("contracts", "contract_id"),
        one_of("kind", AccountKind),
        Index("ledger_accounts_ix_party", "tenant_id", "party_id"),
        app="SELECT, INSERT, UPDATE (balance_fen)",
        postgresql_with={"fillfactor": 50},
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    kind: Mapped[str]
    name: Mapped[str]
    party_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    balance_fen: Mapped[Fen] = mapped_column(default=0)


class Journal(Base):
    """凭证: the entries of one cause. One journal per cause and thing: posting twice is refused by the key."""

    __tablename__ = "journals"
    __table_args__ = tenant_table(
        UniqueConstraint("tenant_id", "cause", "cause_id"),
        one_of("cause", Cause),
        Index("journals_ix_posted", "tenant_id", "posted_at"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    cause: Mapped[str]
    cause_id: Mapped[UUID]
    occurred_at: Mapped[datetime] = mapped_column(Moment)
    posted_at: Mapped[datetime] = mapped_column(Moment)


class LedgerEntry(Base):
    """分录: one movement, from a debit account to a credit account. Appended only; a correction is a new journal.

    `occurred_on` is the event's day in the contract's time zone; `period_on` the first day of the period it is booked into, which is
    later when that day's period was already closed. What concerns no party (the channel's fee, money that nobody wanted) names none. A
    correction of a statement that was not approved yet carries the `statement_version` that it made.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = tenant_table(
        one_of("cause", Cause),
        rule("amount", "amount_fen > 0"),
        rule("accounts", "debit_account_id <> credit_account_id"),
        rule("party", f"party_id IS NOT NULL OR cause IN ({_PARTYLESS})"),
        rule(
            "sale",
            f"cause NOT IN ({_OF_SALES}) OR (store_id IS NOT NULL AND contract_id IS NOT NULL AND terms_id IS NOT NULL)",
        ),
        rule("statement_version", "statement_version > 0"),
        Index("ledger_entries_ix_period", "tenant_id", "period_on", "party_id"),
        Index("ledger_entries_ix_order", "tenant_id", "order_id"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    # Part of the key, before the id: the key finds a journal's entries, and the largest table has one index less to write.
    journal_id: Mapped[Key]
    id: Mapped[Key]
    cause: Mapped[str]
    debit_account_id: Mapped[UUID]
    credit_account_id: Mapped[UUID]
    amount_fen: Mapped[Fen]
    party_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    terms_id: Mapped[UUID | None]
    order_id: Mapped[UUID | None]
    order_line_id: Mapped[UUID | None]
    refund_id: Mapped[UUID | None]
    refund_line_no: Mapped[int | None]
    occurred_on: Mapped[date] = mapped_column(Date)
    period_on: Mapped[date] = mapped_column(Date)
    statement_version: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))


class LedgerDay(Base):
    """日结: everything posted on one day (UTC), hashed and chained to the day before; a change of any entry shows against it."""

    __tablename__ = "ledger_days"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="ledger_days_fk_tenants"),
        rule("entries", "entries >= 0"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    content_sha256: Mapped[str]
    chain_sha256: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(Moment)


class Period(Base):
    """账期: one calendar month of one contract, in the contract's time zone. A row exists once somebody closed it or booked into it.

    `stated_at` is set in the transaction that writes the month's statements: closed without it, the statements are still owed.
    """

    __tablename__ = "periods"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="periods_fk_tenants"),
        one_of("state", PeriodState),
        rule("stated", "stated_at IS NULL OR state = 'closed'"),
        app="SELECT, INSERT, UPDATE (state, closed_at, closed_by, stated_at)",
    )

    tenant_id: Mapped[TenantKey]
    contract_code: Mapped[str] = mapped_column(primary_key=True)
    starts_on: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(default=PeriodState.OPEN)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_by: Mapped[str | None]
    stated_at: Mapped[datetime | None] = mapped_column(Moment)


class Statement(Base):
    """结算单: one party's closed month in one version, with its totals, the hash of its content and the names printed on it. Never edited.

    A correction before anybody signed it makes a further version; where a version stands is `StatementStanding`'s.
    """

    __tablename__ = "statements"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        UniqueConstraint("tenant_id", "party_id", "period_on", "version"),
        rule("version", "version > 0"),
        rule(
            "closing",
            "closing_fen = opening_fen + earned_fen - reversed_fen + adjusted_fen - collected_fen - paid_fen",
        ),
        Index("statements_ix_period", "tenant_id", "period_on"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    party_id: Mapped[UUID]
    period_on: Mapped[date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))
    opening_fen: Mapped[Fen]
    earned_fen: Mapped[Fen]
    reversed_fen: Mapped[Fen]
    adjusted_fen: Mapped[Fen] = mapped_column(default=0, server_default=text("0"))
    collected_fen: Mapped[Fen] = mapped_column(default=0, server_default=text("0"))
    paid_fen: Mapped[Fen] = mapped_column(default=0, server_default=text("0"))
    closing_fen: Mapped[Fen]
    lines: Mapped[int]
    adjustments: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    content_sha256: Mapped[str]
    names: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    closed_at: Mapped[datetime] = mapped_column(Moment)
    closed_by: Mapped[str | None]
    restated_for: Mapped[str | None]
