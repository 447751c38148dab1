"""From files to balances: owners, promotions and a mall's till, all imported, settle as if they had been sold here."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orders.history.commands import OrderRow, RefundRow
from orders.history.refunds import import_refunds
from orders.history.sales_import import import_orders
from settlement.agreements.freeze import ContractTerms
from settlement.agreements.promotions import start_promotion
from settlement.commands import ContractRateRow, CreateContract, FunderRow, NamedParty, StartPromotion
from settlement.contracts import create_contract
from settlement.posting.pending import post_pending
from settlement.states import FunderRole, PartyKind
from tenants.codes import store_ids
from tenants.import_malls import MallRow, import_malls
from tenants.import_outcomes import RowState
from tenants.import_ownerships import OwnershipRow, import_ownerships
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.ids import derived_id, random_code
from tenants.kernel.scope import TenantScope
from tests.support.books import LONG_AGO, balances
from tests.support.owners import broken_laws

MARCH, JUNE = datetime(2026, 3, 2, 4, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
TERMS = ContractTerms()


async def sold(tenant: TenantScope, *rows: dict[str, Any], source: str) -> None:
    orders = [
        OrderRow(**{"number": number, "store_code": "S1", "sold_at": MARCH, "sku_code": "A", "quantity": Decimal(1), **told})
        for number, told in enumerate(rows, start=2)
    ]  # fmt: skip
    async with tenant.writing() as db:
        outcomes = await import_orders(db, orders, source_name=source, now=JUNE, terms=TERMS)
    assert {each.state for each in outcomes} == {RowState.IMPORTED}, outcomes


async def given_back(
    tenant: TenantScope, document: str, amount: str, *, source: str, number: str = "R-first"
) -> None:
    row = RefundRow(number=2, refund_no=number, document=document, refunded_at=APRIL, amount=Decimal(amount))
    async with tenant.writing() as db:
        outcomes = await import_refunds(db, [row], source_name=source, now=JUNE, terms=TERMS)
    assert [each.state for each in outcomes] == [RowState.IMPORTED], outcomes


async def test_a_mall_that_collects_and_shares_a_promotion(tenant: TenantScope) -> None:
    code = f"M-{random_code(8)}"
    async with tenant.writing() as db:
        await import_malls(db, [MallRow(number=2, code=code, name="望江天地")], now=JUNE)
        await import_stores(db, [StoreRow(number=2, code="S1", name="店", mall_code=code)], now=JUNE)
        store = (await store_ids(db, ["S1"]))["S1"]
        mall = NamedParty(kind=PartyKind.MALL, mall_id=derived_id("mall", code))
        agreed = CreateContract(
            code="joint", name="联营", active_from=LONG_AGO, store_ids=[store], collected_by=mall,
            rates=[ContractRateRow(party=mall, rate_bps=2_000)], collected_sources=["mall-till"],
        )  # fmt: skip
        await create_contract(db, agreed, created_by="staff:test", now=JUNE)
        half = StartPromotion(
            code="SPRING", name="春季", active_from=LONG_AGO, funders=[FunderRow(role=FunderRole.MALL, rate_bps=5_000)]
        )  # fmt: skip
        await start_promotion(db, half, actor="staff:test", now=JUNE)
    promoted = {"unit_price": Decimal(100), "discount": Decimal(20), "promotion_code": "SPRING"}
    await sold(tenant, {"document": "D1", **promoted}, source="mall-till")
    await sold(tenant, {"document": "D2", "unit_price": Decimal(50)}, source="own-till")
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        # D1, at the mall's till: 80.00 paid; 16.00 is the mall's, it holds all of it, and pays 10.00 of the discount.
        # D2, at the brand's: 50.00 paid, 10.00 the mall's.
        assert await balances(db) == {"mall": 1_600 - 8_000 - 1_000 + 1_000, "brand": 6_400 + 1_000 + 4_000}
    await given_back(tenant, "D1", "40.00", source="mall-till")
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 800 - 4_000 - 500 + 1_000, "brand": 3_200 + 500 + 4_000}
    assert await broken_laws(tenant, now=JUNE) == []


async def test_what_was_given_away_goes_back_with_the_last_fen_of_its_document(tenant: TenantScope) -> None:
    code = f"M-{random_code(8)}"
    async with tenant.writing() as db:
        await import_malls(db, [MallRow(number=2, code=code, name="望江天地")], now=JUNE)
        await import_stores(db, [StoreRow(number=2, code="S1", name="店", mall_code=code)], now=JUNE)
        gift = StartPromotion(
            code="GIFT", name="赠品", active_from=LONG_AGO, funders=[FunderRow(role=FunderRole.MALL, rate_bps=10_000)]
        )  # fmt: skip
        await start_promotion(db, gift, actor="staff:test", now=JUNE)
    given = {"sku_code": "B", "quantity": Decimal(2), "unit_price": Decimal(25), "discount": Decimal(50)}
    await sold(
        tenant, {"document": "D1", "unit_price": Decimal(100)}, {"document": "D1", **given, "promotion_code": "GIFT"},
        source="till",
    )  # fmt: skip
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": -5_000, "brand": 10_000 + 5_000}
    await given_back(tenant, "D1", "40.00", source="till")
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": -5_000, "brand": 6_000 + 5_000}
    await given_back(tenant, "D1", "60.00", source="till", number="R-last")
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 0, "brand": 0}
    assert await broken_laws(tenant, now=JUNE) == []


async def test_imported_sales_belong_to_the_owner_of_their_day_and_their_refunds_with_them(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        await import_stores(db, [StoreRow(number=2, code="S1", name="店")], now=JUNE)
        owners = [
            OwnershipRow(
                number=2, store_code="S1", ownership="franchise", owner_code="F01", owner_name="林记"
            ),
            OwnershipRow(number=3, store_code="S1", ownership="direct", active_from=APRIL),
        ]
        await import_ownerships(db, owners, now=JUNE)
    await sold(tenant, {"document": "D1", "unit_price": Decimal(100)}, source="till")
    await sold(tenant, {"document": "D2", "unit_price": Decimal(70), "sold_at": APRIL}, source="till")
    await given_back(tenant, "D1", "30.00", source="till")
    await post_pending(tenant, now=JUNE)
    async with tenant.writing() as db:
        assert await balances(db) == {"franchisee": 7_000, "brand": 7_000}
    assert await broken_laws(tenant, now=JUNE) == []
