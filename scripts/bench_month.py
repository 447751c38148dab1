"""The month that `bench_settlement` settles: a chain of stores in malls, with contracts of several parties, and its orders, written by SQL.

Orders stand as imports and payments leave them, on terms that settlement froze. Owns the rows alone; measures nothing.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from orders.ports import TermsQuestion
from settlement.agreements.freeze import freeze
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.states import PartyKind
from tenants.commands import CreateTenant, MerchantKeys, OpenStore
from tenants.create import create_tenant
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MallId, StoreId, TenantId, new_id, random_code
from tenants.kernel.money import Bps
from tenants.kernel.scope import Database, TenantScope, Writing
from tenants.open_store import open_store

OCTOBER = date(2026, 10, 1)
SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CATEGORIES = ("", "shoes", "bags")
AT_ONCE = 100_000


@dataclass(frozen=True, kw_only=True)
class Month:
    """How much of everything."""

    orders: int
    paid_here: int
    stores: int
    malls: int
    lines: int
    refunds: int
    """In a hundred orders."""


async def open_chain(database: Database, month: Month) -> TenantScope:
    """A brand with its stores, malls and contracts: mall, agent and service provider have rates, the brand takes the rest."""
    tenant = database.tenant(TenantId(new_id()))
    keys = KeyRing(current="bench", keys={"bench": b"b" * 32})
    async with tenant.writing() as db:
        await create_tenant(db, _brand(), now=SOLD, keys=keys)
        malls = [await _mall(db, number) for number in range(month.malls)]
        for number, mall_id in enumerate(malls):
            stores = [await _store(db, each, mall_id) for each in range(number, month.stores, month.malls)]
            await create_contract(db, _contract(number, mall_id, stores), created_by="bench", now=SOLD)
    return tenant


def _brand() -> CreateTenant:
    merchant = MerchantKeys(
        merchant_no="1900000109", legal_name="春序服饰有限公司", certificate_serial="5157F09EFDC096DE",
        private_key=_private_key(), api_v3_key=random_code(32),
    )  # fmt: skip
    return CreateTenant(
        code="bench", name="春序服饰", appid=f"wx{random_code(16).lower()}", app_secret=random_code(32),
        merchant=merchant,
    )  # fmt: skip


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


async def _mall(db: Writing, number: int) -> MallId:
    mall: dict[str, Any] = {"id": new_id(), "code": f"bench-{number}", "name": f"望江天地 {number}"}
    await db.execute(text("INSERT INTO app.malls (id, code, name) VALUES (:id, :code, :name)"), mall)
    return MallId(mall["id"])


async def _store(db: Writing, number: int, mall_id: MallId) -> StoreId:
    command = OpenStore(code=f"S{number:05d}", name=f"{number} 店", mall_id=mall_id)
    return (await open_store(db, command, now=SOLD)).id


def _contract(number: int, mall_id: MallId, stores: list[StoreId]) -> CreateContract:
    mall = NamedParty(kind=PartyKind.MALL, mall_id=mall_id)
    agent = NamedParty(kind=PartyKind.AGENT, code=f"A{number}", name=f"代理 {number}")
    provider = NamedParty(kind=PartyKind.SERVICE_PROVIDER, code="SP", name="服务商")
    rates = [
        ContractRateRow(party=mall, rate_bps=1_533), ContractRateRow(party=mall, rate_bps=2_017, category_code="shoes"),
        ContractRateRow(party=agent, rate_bps=307), ContractRateRow(party=provider, rate_bps=60),
    ]  # fmt: skip
    return CreateContract(
        code=f"mall-{number}", name=f"{number} 联营合同", active_from=LONG_AGO, store_ids=stores, rates=rates
    )


async def generate(tenant: TenantScope, month: Month) -> None:
    """Write the month's orders and refunds."""
    async with tenant.writing_much() as db:
        found = (
            await db.execute(
                text("SELECT id FROM app.stores WHERE tenant_id = :t ORDER BY code"), {"t": db.tenant_id}
            )
        ).scalars()
        stores = [StoreId(each) for each in found]
        terms = {True: await _terms(db, stores, here=True), False: await _terms(db, stores, here=False)}
    for here, orders in ((False, month.orders), (True, month.paid_here)):
        for start in range(0, orders, AT_ONCE):
            async with tenant.writing_much() as db:
                given: dict[str, Any] = {
                    "t": db.tenant_id, "first": start, "last": min(start + AT_ONCE, orders) - 1, "stores": stores,
                    "terms": terms[here], "sold": SOLD, "here": here, "n": len(stores), "lines": month.lines,
                    "refunds": month.refunds, "categories": len(CATEGORIES),
                }  # fmt: skip
                for statement in (ORDERS, LINES, PAYMENTS, REFUNDS, REFUND_LINES):
                    used = {
                        name: value
                        for name, value in given.items()
                        if re.search(f"[^:]:{name}\\b", statement)
                    }
                    await db.execute(text(statement), used)


async def _terms(db: Writing, stores: list[StoreId], *, here: bool) -> list[Any]:
    questions = [
        TermsQuestion(
            store_id=store_id, sku_id=None, category_code=category or None, guide_id=None, guide_rate_bps=Bps(0),
            at=SOLD, through_channel=here,
        )
        for store_id in stores
        for category in CATEGORIES
    ]  # fmt: skip
    return [frozen.terms_id for frozen in await freeze(db, questions)]


_T = "CAST(:t AS uuid)"
_HERE = "CAST(:here AS boolean)"
_EACH = "generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i"
_LINE = "generate_series(1, CAST(:lines AS int)) AS l"
_FEN = "(1 + ('x' || substr(md5('fen' || i || '/' || l), 1, 7))::bit(28)::int % 99999)"
_WHEN = "CAST(:sold AS timestamptz) + make_interval(secs => i % 500000)"
_SOURCE = f"CASE WHEN {_HERE} THEN 'storefront' ELSE 'history' END"
_SOURCE_NAME = f"CASE WHEN {_HERE} THEN 'storefront' ELSE 'till' END"
_NUMBER = f"CASE WHEN {_HERE} THEN 'N' ELSE 'H' END || i"
_STORE = "(CAST(:stores AS uuid[]))[1 + i % CAST(:n AS int)]"
_TERMS = "(CAST(:terms AS uuid[]))[1 + (i % CAST(:n AS int)) * CAST(:categories AS int) + (i + l) % CAST(:categories AS int)]"
_REFUNDED = "(i % 100 < CAST(:refunds AS int))"
_BACK = f"CASE WHEN {_REFUNDED} AND l = 1 THEN ({_FEN} + 2) / 3 ELSE 0 END"


def _id(what: str, more: str = "") -> str:
    """An id that is scattered like those of imported documents."""
    return f"md5({_T}::text || '{what}' || {_HERE} || i{more})::uuid"


_TOTAL = f"(SELECT sum({_FEN}) FROM {_LINE})"
_GIVEN_BACK = f"(SELECT sum({_BACK}) FROM {_LINE})"
ORDERS = (
    "INSERT INTO app.orders (tenant_id, id, order_no, source, source_name, external_no, state, scene, store_id, attribution_rule,"
    " attribution, merchant_id, business_on, goods_fen, total_fen, paid_fen, refunded_fen, placed_at, paid_at, profit_sharing, freight_fen,"
    " other_fen, discount_fen, split_fen)"
    f" SELECT {_T}, {_id('order')}, {_NUMBER}, {_SOURCE}, {_SOURCE_NAME}, {_NUMBER}, 'collected', 'official_shop', {_STORE}, 'store_only',"
    f" '{{}}', (SELECT id FROM app.merchants WHERE tenant_id = {_T}), ({_WHEN})::date, {_TOTAL}, {_TOTAL}, {_TOTAL}, {_GIVEN_BACK}, {_WHEN}, {_WHEN},"
    f" false, 0, 0, 0, 0 FROM {_EACH}"
)
LINES = (
    "INSERT INTO app.order_lines (tenant_id, id, order_id, line_no, kind, sku_code, title, specs, quantity, goods_fen, discount_fen,"
    " paid_fen, refunded_fen, refunded_quantity, terms_id, evidence)"
    f" SELECT {_T}, {_id('line', chr(124) * 2 + repr('/') + chr(124) * 2 + 'l')}, {_id('order')}, l, 'goods', 'SKU' || i % 2000, '针织衫', '[]', 1, {_FEN}, 0,"
    f" {_FEN}, {_BACK}, 0, {_TERMS}, '{{}}' FROM {_EACH}, {_LINE}"
)
REFUNDS = (
    "INSERT INTO app.refunds (tenant_id, id, refund_no, source, source_name, external_no, order_id, payment_id, store_id, state, amount_fen,"
    " requested_by, business_on, requested_at, refunded_at)"
    f" SELECT {_T}, {_id('refund')}, 'R' || {_NUMBER}, {_SOURCE}, {_SOURCE_NAME}, 'R' || {_NUMBER}, {_id('order')},"
    f" CASE WHEN {_HERE} THEN {_id('payment')} END, {_STORE}, 'done', {_GIVEN_BACK}, 'bench', ({_WHEN})::date, {_WHEN}, {_WHEN}"
    f" FROM {_EACH} WHERE {_REFUNDED}"
)
REFUND_LINES = (
    "INSERT INTO app.refund_lines (tenant_id, refund_id, line_no, order_line_id, kind, sku_code, quantity, amount_fen, kept_before_fen, terms_id)"
    f" SELECT {_T}, {_id('refund')}, 1, {_id('line', chr(124) * 2 + repr('/') + chr(124) * 2 + 'l')}, 'goods', 'SKU' || i % 2000, 0, {_BACK}, {_FEN}, {_TERMS}"
    f" FROM {_EACH}, {_LINE} WHERE {_REFUNDED} AND l = 1"
)
PAYMENTS = (
    "INSERT INTO app.payments (tenant_id, id, order_id, merchant_id, payment_no, state, amount_fen, transaction_id, payer_total_fen,"
    " created_at, expires_at, paid_at)"
    f" SELECT {_T}, {_id('payment')}, {_id('order')}, (SELECT id FROM app.merchants WHERE tenant_id = {_T}), 'P' || i, 'paid', {_TOTAL},"
    f" 'T' || i, {_TOTAL}, {_WHEN}, {_WHEN}, {_WHEN} FROM {_EACH} WHERE {_HERE}"
)
