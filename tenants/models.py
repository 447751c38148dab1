"""The ground floor's tables: private to `tenants`; others read through `queries` and `views`."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tenants.kernel.tables import (
    Base,
    Key,
    Moment,
    Shard,
    TenantKey,
    belongs_to,
    one_of,
    open_table,
    rule,
    tenant_table,
)
from tenants.levels import Level
from tenants.states import Ownership, PrincipalKind, StaffRole, StoreStatus, TenantStatus


class DirectoryKind(StrEnum):
    """What an identifier from outside may be."""

    CODE = "code"
    """The tenant's readable code, used by staff at log-in and on the command line."""
    PUBLIC = "public"
    """The short code that every identifier leaving the system starts with."""
    APPID = "appid"
    """The mini-program's appid."""
    CALLBACK = "callback"
    """The unguessable path part under which vendors call us back."""


class TenantDirectory(Base):
    """Finds the tenant behind an identifier that comes from outside. Holds nothing else: every tenant's session may read it."""

    __tablename__ = "tenant_directory"
    __table_args__ = open_table(Shard.REFERENCE, one_of("kind", DirectoryKind), app="SELECT, INSERT")

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]


class PlatformUser(Base):
    """An operator of the platform."""

    __tablename__ = "platform_users"
    __table_args__ = open_table(
        Shard.LOCAL, UniqueConstraint("login"), app="SELECT, INSERT, UPDATE (password_hash, active)"
    )

    id: Mapped[Key]
    login: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Moment)


class PlatformSession(Base):
    """An operator's refresh token, kept as a hash."""

    __tablename__ = "platform_sessions"
    __table_args__ = open_table(
        Shard.LOCAL,
        Index("platform_sessions_ix_token", "token_hash", unique=True),
        app="SELECT, INSERT, UPDATE (rotated_at, revoked_at, replaced_by)",
    )

    id: Mapped[Key]
    family_id: Mapped[UUID]
    operator_id: Mapped[UUID]
    token_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    rotated_at: Mapped[datetime | None] = mapped_column(Moment)
    replaced_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class Mall(Base):
    """商场: a place where several brands have stores. Shared by all tenants; what a tenant agreed with it is a party of its own."""

    __tablename__ = "malls"
    __table_args__ = open_table(Shard.REFERENCE, UniqueConstraint("code"), app="SELECT, INSERT")

    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]
    province: Mapped[str | None]
    city: Mapped[str | None]
    district: Mapped[str | None]
    address: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class Tenant(Base):
    """租户: a brand's isolated space."""

    __tablename__ = "tenants"
    __table_args__ = tenant_table(
        one_of("status", TenantStatus),
        rule("platform_fee", "platform_fee_bps BETWEEN 0 AND 10000"),
        app="SELECT, INSERT, UPDATE (name, status, settings, platform_fee_bps)",
    )

    tenant_id: Mapped[TenantKey]
    org_id: Mapped[UUID]
    code: Mapped[str]
    public_code: Mapped[str]
    callback_key: Mapped[str]
    name: Mapped[str]
    appid: Mapped[str]
    status: Mapped[str] = mapped_column(default=TenantStatus.ACTIVE)
    time_zone: Mapped[str]
    platform_fee_bps: Mapped[int] = mapped_column(default=0)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Credential(Base):
    """A secret in its envelope (see kernel.encryption); the column name of the associated data is `credentials.<name>`."""

    __tablename__ = "credentials"
    __table_args__ = tenant_table(belongs_to("tenants", key=(), name="credentials_fk_tenants"))

    tenant_id: Mapped[TenantKey]
    name: Mapped[str] = mapped_column(primary_key=True)
    envelope: Mapped[bytes]
    updated_at: Mapped[datetime] = mapped_column(Moment)


class Merchant(Base):
    """收款商户: a merchant number at WeChat Pay that takes a store's money. Its keys are credentials."""

    __tablename__ = "merchants"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="merchants_fk_tenants"),
        UniqueConstraint("tenant_id", "merchant_no"),
        rule("fee", "fee_bps BETWEEN 0 AND 10000"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    merchant_no: Mapped[str]
    legal_name: Mapped[str]
    certificate_serial: Mapped[str]
    fee_bps: Mapped[int]
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Moment)


class StoreGroup(Base):
    """门店分组: the layer between brand and store: a region, a format, a franchise company."""

    __tablename__ = "store_groups"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="store_groups_fk_tenants"), UniqueConstraint("tenant_id", "code")
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]


class Store(Base):
    """门店: one physical (or pop-up) shop."""

    __tablename__ = "stores"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="stores_fk_tenants"),
        belongs_to("store_groups", "group_id"),
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint("tenant_id", "code"),
        one_of("status", StoreStatus),
        one_of("ownership", Ownership),
        rule("active", "active_to IS NULL OR active_from IS NULL OR active_from < active_to"),
        Index("stores_ix_mall", "tenant_id", "mall_id"),
        Index("stores_uq_flagship", "tenant_id", unique=True, postgresql_where=text("is_flagship")),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]
    group_id: Mapped[UUID | None]
    merchant_id: Mapped[UUID | None]
    mall_id: Mapped[UUID | None] = mapped_column(ForeignKey("app.malls.id", name="stores_fk_malls"))
    mall_floor: Mapped[str | None]
    ownership: Mapped[str] = mapped_column(default=Ownership.DIRECT)
    status: Mapped[str] = mapped_column(default=StoreStatus.OPEN)
    is_flagship: Mapped[bool] = mapped_column(default=False)
    pickup_offered: Mapped[bool] = mapped_column(default=True)
    province: Mapped[str | None]
    city: Mapped[str | None]
    district: Mapped[str | None]
    address: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    phone: Mapped[str | None]
    time_zone: Mapped[str]
    business_day_starts: Mapped[str] = mapped_column(default="00:00")
    active_from: Mapped[datetime | None] = mapped_column(Moment)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    opened_on: Mapped[date | None] = mapped_column(Date)
    wechat_store_no: Mapped[int | None] = mapped_column(BigInteger)
    """The number under which WeChat knows the store: guides' cards are registered there."""
    created_at: Mapped[datetime] = mapped_column(Moment)


class OpeningHours(Base):
    """营业时间 at one level: a weekly table, dated exceptions, and the text it was read from."""

    __tablename__ = "opening_hours"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="opening_hours_fk_tenants"), one_of("level", Level)
    )

    tenant_id: Mapped[TenantKey]
    level_id: Mapped[Key]
    level: Mapped[str]
    weekly: Mapped[list[Any] | None]
    exceptions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    source_text: Mapped[str | None]


class Staff(Base):
    """员工: a person who works for the brand, a store or a mall and may log in."""

    __tablename__ = "staff"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="staff_fk_tenants"),
        belongs_to("stores", "store_id"),
        UniqueConstraint("tenant_id", "login"),
        one_of("role", StaffRole),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    login: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    store_id: Mapped[UUID | None]
    mall_id: Mapped[UUID | None] = mapped_column(ForeignKey("app.malls.id", name="staff_fk_malls"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Shopper(Base):
    """顾客: the person buying. The phone number is kept in an envelope, its keyed hash beside it for matching."""

    __tablename__ = "shoppers"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="shoppers_fk_tenants"),
        UniqueConstraint("tenant_id", "openid"),
        Index("shoppers_ix_phone", "tenant_id", "phone_hash"),
        Index("shoppers_ix_unionid", "tenant_id", "unionid", postgresql_where=text("unionid IS NOT NULL")),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    openid: Mapped[str]
    unionid: Mapped[str | None]
    nickname: Mapped[str | None]
    phone_envelope: Mapped[bytes | None]
    phone_hash: Mapped[str | None]
    phone_tail: Mapped[str | None]
    member_since: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)


class AccessSession(Base):
    """A shopper's or staff member's refresh token, kept as a hash."""

    __tablename__ = "access_sessions"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="access_sessions_fk_tenants"),
        UniqueConstraint("tenant_id", "token_hash"),
        Index("access_sessions_ix_family", "tenant_id", "family_id"),
        one_of("principal_kind", PrincipalKind),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    family_id: Mapped[UUID]
    principal_kind: Mapped[str]
    principal_id: Mapped[UUID]
    token_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    rotated_at: Mapped[datetime | None] = mapped_column(Moment)
    replaced_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class AuditEntry(Base):
    """Who did what to which object, when and why. Append-only."""

    __tablename__ = "audit_log"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="audit_log_fk_tenants"),
        Index("audit_log_ix_subject", "tenant_id", "subject_id"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    actor: Mapped[str]
    action: Mapped[str]
    subject_id: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(Moment)
