"""Sales and refunds as orders leave them, for tests of the books: written as rows, on terms that settlement froze."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from guides.models import Guide
from orders.bases import base_of_line
from orders.funding import funded_by_kind
from orders.models import Order, OrderLine, Refund, RefundLine
from orders.ports import TermsQuestion
from orders.states import LineKind, OrderState, RefundStatus, Source
from settlement.agreements.freeze import freeze
from settlement.agreements.views import ContractView
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.states import PartyKind
from tenants.kernel.ids import GuideId, MallId, OrderId, OrderLineId, RefundId, StoreId, TermsId, new_id
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import TenantScope, Writing
from tenants.models import Mall, Store

OCTOBER = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Sale:
    """A written sale."""

    id: OrderId
    store_id: StoreId
    source: Source
    terms_id: TermsId
    lines: list[OrderLineId] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


async def add_mall(db: Writing, name: str = "望江天地") -> MallId:
    """A mall; reference rows are written outside the tenant's transaction elsewhere, here a plain insert will do."""
    mall = Mall(id=new_id(), code=f"m-{new_id()}", name=name)
    db.add(mall)
    await db.flush()
    return MallId(mall.id)


async def add_store(
    db: Writing, code: str = "S1", *, mall_id: MallId | None = None, **columns: object
) -> StoreId:
    """A store in Shanghai's time."""
    store = Store(
        tenant_id=db.tenant_id, id=new_id(), code=code, name=f"{code} 店", mall_id=mall_id,
        time_zone="Asia/Shanghai", created_at=LONG_AGO, **columns,
    )  # fmt: skip
    db.add(store)
    await db.flush()
    return StoreId(store.id)


async def add_guide(db: Writing) -> GuideId:
    """A guide who has been there for long."""
    guide = Guide(tenant_id=db.tenant_id, id=new_id(), code=str(new_id()), name="小林", active_from=LONG_AGO)
    db.add(guide)
    await db.flush()
    return GuideId(guide.id)


async def mall_contract(
    db: Writing,
    mall_id: MallId,
    stores: Sequence[StoreId],
    *,
    bps: int = 1500,
    code: str = "mall",
    **said: object,
) -> ContractView:
    """A mall's contract at one rate."""
    rates = [ContractRateRow(party=NamedParty(kind=PartyKind.MALL, mall_id=mall_id), rate_bps=bps)]
    terms: dict[str, object] = {
        "code": code, "name": f"{code} 联营合同", "active_from": LONG_AGO, "store_ids": list(stores), "rates": rates,
    }  # fmt: skip
    return await create_contract(db, CreateContract(**(terms | said)), created_by="staff:test", now=OCTOBER)


async def sell(
    db: Writing,
    store_id: StoreId,
    *amounts: int,
    at: datetime = OCTOBER,
    source: Source = Source.STOREFRONT,
    guide_id: GuideId | None = None,
    guide_bps: int = 0,
    goods: Sequence[int] | None = None,
    discount: int = 0,
    **named: Any,
) -> Sale:
    """A paid order with a line of each amount.

    `goods`: what the lines cost before discounts, or `discount` off each; `named`: category, sku, promotion, kind, source_name, through_channel, quantity.
    """
    question = TermsQuestion(
        store_id=store_id, sku_id=None, category_code=named.get("category"), sku_code=named.get("sku"),
        promotion_code=named.get("promotion"), kind=named.get("kind", LineKind.GOODS), guide_id=guide_id,
        guide_rate_bps=Bps(guide_bps), at=at, source_name=named.get("source_name"),
        through_channel=named.get("through_channel", True),
    )  # fmt: skip
    [frozen] = await freeze(db, [question])
    order_id, total = OrderId(new_id()), sum(amounts)
    costs = goods or [amount + discount for amount in amounts]
    order = Order(
        tenant_id=db.tenant_id, id=order_id, order_no=f"N{order_id.hex[-12:]}", source=source,
        source_name="till" if source is Source.HISTORY else "storefront",
        external_no=f"X{order_id.hex[-10:]}" if source is Source.HISTORY else None, state=OrderState.PAID,
        scene="official_shop", store_id=store_id, attribution_rule="store_only", attribution={},
        business_on=at.date(), goods_fen=sum(costs), discount_fen=sum(costs) - total, total_fen=total,
        paid_fen=total, placed_at=at, paid_at=at,
    )  # fmt: skip
    db.add(order)
    await db.flush()
    sale = Sale(order_id, store_id, source, frozen.terms_id)
    for number, (amount, cost) in enumerate(zip(amounts, costs, strict=True), start=1):
        line_id = OrderLineId(new_id())
        db.add(
            OrderLine(
                tenant_id=db.tenant_id, id=line_id, order_id=order_id, line_no=number, sku_code=f"SKU{number}",
                quantity=named.get("quantity", 1), goods_fen=cost, discount_fen=cost - amount, paid_fen=amount, terms_id=frozen.terms_id,
                category_code=named.get("category"), promotion_code=named.get("promotion"),
                base_fen=base_of_line(
                    frozen.base, goods_fen=Fen(cost), paid_fen=Fen(amount),
                    funded=funded_by_kind(Fen(cost - amount), funding=frozen.funding),
                ),
            )
        )  # fmt: skip
        sale.lines.append(line_id)
        sale.kept.append(amount)
    await db.flush()
    return sale


async def give_back(
    db: Writing,
    sale: Sale,
    amounts: Mapping[int, int],
    *,
    at: datetime = OCTOBER,
    units: Mapping[int, int] | None = None,
) -> RefundId:
    """A finished refund: line index -> amount, and the units that the refund names."""
    named = units or {}
    refund_id, total = RefundId(new_id()), sum(amounts.values())
    db.add(
        Refund(
            tenant_id=db.tenant_id, id=refund_id, refund_no=f"R{refund_id.hex[-12:]}", source=sale.source,
            source_name="till" if sale.source is Source.HISTORY else "storefront", order_id=sale.id,
            store_id=sale.store_id, state=RefundStatus.DONE, amount_fen=total, requested_by="staff:test",
            business_on=at.date(), requested_at=at, refunded_at=at,
        )
    )  # fmt: skip
    await db.flush()
    for number, (place, amount) in enumerate(amounts.items(), start=1):
        db.add(
            RefundLine(
                tenant_id=db.tenant_id, refund_id=refund_id, line_no=number, order_line_id=sale.lines[place],
                quantity=named.get(place, 0), amount_fen=amount, kept_before_fen=sale.kept[place], terms_id=sale.terms_id,
                sku_code=f"SKU{place + 1}",
            )
        )  # fmt: skip
        await _count(db, "order_lines", sale.lines[place], amount)
        sale.kept[place] -= amount
    await _count(db, "orders", sale.id, total)
    await db.flush()
    return refund_id


async def give_back_loose(
    db: Writing,
    store_id: StoreId,
    *amounts: int,
    at: datetime = OCTOBER,
    source: Source = Source.HISTORY,
    through_channel: bool = True,
) -> RefundId:
    """A refund whose sale nobody knows, on the terms of its day."""
    question = TermsQuestion(
        store_id=store_id, sku_id=None, category_code=None, guide_id=None, guide_rate_bps=Bps(0), at=at,
        source_name="till" if source is Source.HISTORY else None, through_channel=through_channel,
    )  # fmt: skip
    [frozen] = await freeze(db, [question])
    refund_id = RefundId(new_id())
    refund = Refund(
        tenant_id=db.tenant_id, id=refund_id, refund_no=f"R{refund_id.hex[-12:]}", source=source,
        source_name="till" if source is Source.HISTORY else "storefront", store_id=store_id,
        state=RefundStatus.DONE, amount_fen=sum(amounts), requested_by="staff:test", business_on=at.date(),
        requested_at=at, refunded_at=at,
    )  # fmt: skip
    db.add(refund)
    await db.flush()
    for number, amount in enumerate(amounts, start=1):
        db.add(
            RefundLine(
                tenant_id=db.tenant_id, refund_id=refund_id, line_no=number, quantity=0, amount_fen=amount,
                terms_id=frozen.terms_id,
                base_fen=base_of_line(frozen.base, goods_fen=Fen(amount), paid_fen=Fen(amount)),
            )
        )  # fmt: skip
    await db.flush()
    return refund_id


async def _count(db: Writing, table: str, row_id: object, amount: int) -> None:
    await db.execute(
        text(
            f"UPDATE app.{table} SET refunded_fen = refunded_fen + :fen WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {"tenant_id": db.tenant_id, "id": row_id, "fen": amount},
    )


async def balances(db: Writing, *, order_id: OrderId | None = None) -> dict[str, int]:
    """What each party holds, by its code, straight from the entries."""
    one = " AND e.order_id = :order_id" if order_id else ""
    found = await db.execute(
        text(
            "SELECT p.code, sum(CASE WHEN c.kind = 'payable' THEN e.amount_fen ELSE -e.amount_fen END) AS fen"
            " FROM app.ledger_entries e JOIN app.parties p ON p.tenant_id = e.tenant_id AND p.id = e.party_id"
            " JOIN app.ledger_accounts c ON c.tenant_id = e.tenant_id AND c.id = e.credit_account_id"
            " WHERE e.tenant_id = :tenant_id AND p.tenant_id = :tenant_id AND c.tenant_id = :tenant_id"
            f"{one} GROUP BY p.code"
        ),
        {"tenant_id": db.tenant_id, **({"order_id": order_id} if order_id else {})},
    )
    return {row.code.split(":")[0]: int(row.fen) for row in found}


@dataclass(frozen=True)
class MallStore:
    """A tenant with one store in one mall under a contract."""

    tenant: TenantScope
    store_id: StoreId
    mall_id: MallId


async def open_mall_store(tenant: TenantScope, *, bps: int = 1500) -> MallStore:
    """Make that."""
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], bps=bps)
    return MallStore(tenant, store_id, mall_id)
