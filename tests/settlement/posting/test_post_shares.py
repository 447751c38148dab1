"""What coupons cost the merchant is borne by whom the contract says, of what coupons still bear, and owed to who was charged."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from orders.ports import CouponParts
from settlement.agreements.agreed import Bearer
from settlement.close import close_month
from settlement.commands import NamedParty
from settlement.posting import pending, post_channel, post_shares
from settlement.posting.pending import post_pending
from settlement.queries import statements
from settlement.states import PartyKind
from tenants.kernel.ids import MallId, MerchantId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tests.support.books import OCTOBER, Sale, add_mall, add_store, balances, give_back, mall_contract, sell
from tests.support.channel_rows import pay, through_channel
from tests.support.owners import add_number, broken_laws
from tests.support.rows import rows

PRICE, COUPON = 10_000, 3_000
MOSTLY_OURS = CouponParts(wechatpay_fen=Fen(999), merchant_fen=Fen(2_000), other_fen=Fen(1))
MOSTLY_THEIRS = CouponParts(wechatpay_fen=Fen(1_999), merchant_fen=Fen(1_000), other_fen=Fen(0))
LAW = "per order each party bears what its contract says of coupons"


class Shop:
    """A mall's store whose coupons somebody bears."""

    def __init__(self, tenant: TenantScope, *, by: Bearer, number: str | None = None) -> None:
        self.tenant, self.by, self.number = tenant, by, number
        self.mall: MallId
        self.store: StoreId
        self.merchant: MerchantId | None = None

    async def open(self) -> "Shop":
        async with self.tenant.writing() as db:
            self.mall = await add_mall(db)
            if self.number:
                self.merchant = await add_number(db, self.number, owner=f"mall:{self.mall}")
            self.store = await add_store(db, mall_id=self.mall, merchant_id=self.merchant)
            mall = NamedParty(kind=PartyKind.MALL, mall_id=self.mall)
            bearer = {"coupons_party": mall} if self.by is Bearer.PARTY else {}
            await mall_contract(db, self.mall, [self.store], coupons_by=self.by, **bearer)
        return self

    async def sold(
        self, paid_for: CouponParts | None = MOSTLY_OURS, *, at: datetime = OCTOBER
    ) -> tuple[Sale, Any]:
        async with self.tenant.writing() as db:
            sale = await sell(db, self.store, PRICE, at=at)
            payment = await pay(
                db, sale.id, amount=PRICE, coupon=COUPON, paid_for=paid_for, at=at, merchant_id=self.merchant
            )
        await post_pending(self.tenant, now=OCTOBER)
        return sale, payment

    async def gave_back(
        self, sold: tuple[Sale, Any], fen: int, *, coupon: int, at: datetime = OCTOBER
    ) -> None:
        sale, payment = sold
        async with self.tenant.writing() as db:
            refund = await give_back(db, sale, {0: fen}, at=at)
            await through_channel(db, refund, payment_id=payment, coupon=coupon)
        await post_pending(self.tenant, now=OCTOBER)

    async def held(self) -> dict[str, int]:
        async with self.tenant.writing() as db:
            return await balances(db)


def cost(coupons_kept: int, parts: CouponParts) -> int:
    """What the merchant bears: rounded down, or the rest where it paid the most."""
    of = {"w": parts.wechatpay_fen, "m": parts.merchant_fen, "o": parts.other_fen}
    if max(of, key=lambda name: of[name]) == "m":
        return coupons_kept - sum(coupons_kept * of[name] // COUPON for name in "wo")
    return coupons_kept * of["m"] // COUPON


def borne(by: Bearer, *, kept: int, coupons_kept: int, parts: CouponParts) -> int:
    """The mall's part of that; it holds 15 % of the sale."""
    portion = kept * 1_500 // 10_000
    whole = cost(coupons_kept, parts)
    shared = whole * portion // kept if kept else 0
    return {Bearer.RESIDUAL: 0, Bearer.PARTY: whole, Bearer.SHARED: shared}[by]


@pytest.mark.parametrize("parts", [MOSTLY_OURS, MOSTLY_THEIRS])
@pytest.mark.parametrize("by", list(Bearer))
async def test_whoever_bears_coupons_bears_its_part_of_what_is_kept_after_every_refund(
    tenant: TenantScope, by: Bearer, parts: CouponParts
) -> None:
    shop = await Shop(tenant, by=by).open()
    chance = random.Random(f"{by}{parts}")
    for pieces in (1, 2, 5):
        sold = await shop.sold(parts)
        kept, coupons_kept = PRICE, COUPON
        for left in range(pieces, 0, -1):
            stands = borne(by, kept=kept, coupons_kept=coupons_kept, parts=parts)
            mall = kept * 1_500 // 10_000 - stands
            assert await shop.held() == {"mall": mall, "brand": kept - mall}
            back = kept if left == 1 else chance.randrange(1, kept // 2)
            # The channel rounds the shopper's part half up, and gives all of it back in the end.
            coupon = (
                coupons_kept if left == 1 else back - (2 * back * (PRICE - COUPON) + PRICE) // (2 * PRICE)
            )
            await shop.gave_back(sold, back, coupon=coupon)
            kept, coupons_kept = kept - back, coupons_kept - coupon
        assert await shop.held() == {"mall": 0, "brand": 0}
    left = await rows(
        tenant, "SELECT name FROM app.ledger_accounts WHERE tenant_id = :t AND balance_fen <> 0"
    )
    assert left == []
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_control_a_contract_whose_word_on_coupons_nobody_reads_charges_the_mall_nothing(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there."""
    costs_of = post_shares.costs_of
    monkeypatch.setattr(post_channel, "costs_of", lambda *args, **given: costs_of(*args, **given)[:1])
    monkeypatch.setattr(pending, "_late_coupons", _none)
    shop = await Shop(tenant, by=Bearer.PARTY).open()
    await shop.sold()
    assert await shop.held() == {"mall": 1_500, "brand": 8_500}
    [finding] = await broken_laws(tenant, now=OCTOBER)
    assert finding.startswith(LAW)


@pytest.mark.parametrize(("by", "stands"), [(Bearer.PARTY, 1_501), (Bearer.SHARED, 225)])
async def test_what_was_booked_before_the_contracts_word_was_read_is_shared_with_what_waits(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch, by: Bearer, stands: int
) -> None:
    costs_of = post_shares.costs_of
    shop = await Shop(tenant, by=by).open()
    with monkeypatch.context() as before:
        before.setattr(post_channel, "costs_of", lambda *args, **given: costs_of(*args, **given)[:1])
        before.setattr(pending, "_late_coupons", _none)
        sold = await shop.sold()
        await shop.gave_back(sold, 2_500, coupon=750)
        again = await shop.sold()
    # A refund comes before the rest is looked at: it shares what is left by itself.
    await shop.gave_back(again, 2_500, coupon=750)
    mall = 2 * (1_125 - stands)
    assert await shop.held() == {"mall": mall, "brand": 15_000 - mall}
    assert await broken_laws(tenant, now=OCTOBER) == []
    assert (await post_pending(tenant, now=OCTOBER)).entries == 0
    for each in (sold, again):
        await shop.gave_back(each, 7_500, coupon=2_250)
    assert await shop.held() == {"mall": 0, "brand": 0}


async def _none(_db) -> list:
    return []


@pytest.mark.parametrize(
    "paid_for",
    [
        None,
        CouponParts(wechatpay_fen=Fen(COUPON), merchant_fen=Fen(0), other_fen=Fen(0)),
        CouponParts(wechatpay_fen=Fen(1), merchant_fen=Fen(COUPON), other_fen=Fen(0)),
    ],
)  # fmt: skip
async def test_coupons_that_the_merchant_is_not_known_to_have_paid_for_are_nobodys_to_bear(
    tenant: TenantScope, paid_for: CouponParts | None
) -> None:
    shop = await Shop(tenant, by=Bearer.PARTY).open()
    sold = await shop.sold(paid_for)
    assert await shop.held() == {"mall": 1_500, "brand": 8_500}
    await shop.gave_back(sold, 5_000, coupon=1_500)
    assert await shop.held() == {"mall": 750, "brand": 4_250}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_what_is_borne_is_owed_to_whose_merchant_number_took_the_money(tenant: TenantScope) -> None:
    shop = await Shop(tenant, by=Bearer.SHARED, number="1900002001").open()
    sold = await shop.sold()
    # Of 20.00 the brand's 85 % are 17.00, owed to the mall: its number was charged.
    assert await shop.held() == {"mall": 1_500 - PRICE + 1_700, "brand": 8_500 - 1_700}
    await shop.gave_back(sold, PRICE, coupon=COUPON)
    assert await shop.held() == {"mall": 0, "brand": 0}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_the_month_is_closed_with_what_was_borne_in_its_statements(tenant: TenantScope) -> None:
    shop = await Shop(tenant, by=Bearer.PARTY).open()
    sold = await shop.sold()
    await shop.gave_back(sold, 2_500, coupon=750, at=OCTOBER + timedelta(days=1))
    closing = (
        await close_month(tenant, date(2026, 10, 1), closed_by="staff:test", now=datetime.fromisoformat("2026-11-01T01:00Z"))
    )[-1]  # fmt: skip
    assert closing.totals.orders_fen == closing.totals.ledger_fen == closing.totals.statements_fen
    async with tenant.reading() as db:
        found = {each.party.kind.value: each for each in await statements(db, month=date(2026, 10, 1))}
    mall, brand = found["mall"], found["brand"]
    # Of the 22.50 that coupons still bear, WeChat's 999 of 3,000 are 7.49 and another's 1 of 3,000 nothing: 15.01.
    assert (mall.earned_fen, mall.reversed_fen, mall.adjusted_fen) == (1_500, 375, -1_501)
    assert (mall.closing_fen, mall.adjustments) == (1_500 - 375 - 1_501, 2)
    assert (brand.adjusted_fen, brand.closing_fen) == (1_501, 8_500 - 2_125 + 1_501)
    assert await broken_laws(tenant, now=OCTOBER) == []
