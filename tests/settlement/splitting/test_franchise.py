"""A franchisee's own merchant number takes the money: mall and brand are receivers there, and every fen stays accounted for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from settlement.commands import AddReceiver, ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.splitting.receivers import add_receiver
from settlement.splitting.states import ReturnStatus, SplitStatus
from settlement.states import PartyKind
from tenants.commands import AddMerchant, OwnStore
from tenants.create import add_merchant
from tenants.kernel.ids import MerchantId, PartyId
from tenants.own_store import own_store
from tenants.states import Ownership
from tests.support.fresh_tenant import opening
from tests.support.rows import rows
from tests.support.split_shop import LONG_AGO, MALL_NAME, SplitShop
from tests.support.trading import PRICE

ROYALTY, MALL = PRICE * 500 // 10_000, PRICE * 2_000 // 10_000
"""The channel keeps it of what it passes on; as with the brand's own payments nobody else bears it."""
FRANCHISEE = "franchisee:F01"


@pytest.fixture
async def franchise(
    new_split_shop: Callable[..., Awaitable[SplitShop]], keys: Any, merchant_key: tuple[str, str]
) -> SplitShop:
    """The split shop's store, run by a franchisee with a merchant number of its own; the brand takes 5 %, the mall 20 %."""
    shop = await new_split_shop()
    brand_account = shop.trading.mchid
    private, public = merchant_key
    drawn = opening().merchant
    registered = await shop.control.register_merchant(
        mchid=drawn.merchant_no, appid=shop.trading.appid, public_key=public,
        certificate_serial=drawn.certificate_serial, api_v3_key=drawn.api_v3_key, refund_seconds=0,
    )  # fmt: skip
    command = AddMerchant(
        merchant_no=drawn.merchant_no, legal_name="林记餐饮有限公司", certificate_serial=drawn.certificate_serial,
        private_key=private, api_v3_key=drawn.api_v3_key, ownership=Ownership.FRANCHISE, owner_code="F01",
        wechat_public_keys={registered.public_key_id: registered.public_key},
    )  # fmt: skip
    mall = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    agreed = CreateContract(
        code="mall", name="加盟与联营", active_from=shop.now, store_ids=[shop.trading.store.id], profit_sharing=True,
        rates=[
            ContractRateRow(party=mall, rate_bps=2_000),
            ContractRateRow(party=NamedParty(kind=PartyKind.BRAND), rate_bps=500),
        ],
    )  # fmt: skip
    async with shop.tenant.writing() as db:
        merchant = await add_merchant(db, command, is_default=False, now=shop.now, keys=keys)
        owned = OwnStore(
            ownership=Ownership.FRANCHISE, active_from=LONG_AGO, owner_code="F01", merchant_id=merchant.id
        )
        await own_store(db, owned, store_id=shop.trading.store.id, actor="staff:test", now=shop.now)
        await create_contract(db, agreed, created_by="staff:test", now=shop.now)
    shop.trading.mchid = drawn.merchant_no
    await receiver(shop, shop.mall_party, account=shop.mall_account, name=MALL_NAME, payee=merchant.id)
    brand_name = opening().merchant.legal_name
    await shop.control.command("merchants", mchid=brand_account, legal_name=brand_name, accepts_returns=True)
    await receiver(shop, shop.party("brand"), account=brand_account, name=brand_name, payee=merchant.id)
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=10 * PRICE)
    return shop


async def receiver(shop: SplitShop, party_id: PartyId, *, account: str, name: str, payee: MerchantId) -> None:
    command = AddReceiver(party_id=party_id, account=account, legal_name=name, merchant_id=payee)
    added = await add_receiver(
        shop.tenant, command, channels=shop.channels, keys=shop.keys, actor="staff:test", now=shop.now
    )
    assert added.state == "added", added.channel_message


async def balances(shop: SplitShop) -> dict[str, int]:
    assert await shop.books_hold() == []
    owed = {name: await shop.payable(shop.party(name)) for name in ("brand", FRANCHISEE)}
    channel = "SELECT coalesce(sum(balance_fen), 0) AS fen FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'channel' AND name = 'channel:storefront'"
    ((held,),) = await rows(shop.tenant, channel)
    # What the channel keeps of the franchisee's own merchant number is the franchisee's: ours shows nothing of it.
    return {**owed, "mall": await shop.payable(shop.mall_party), "channel": int(held)}


async def test_the_franchisee_owes_until_the_split_pays_mall_and_brand_out_of_its_money(
    franchise: SplitShop,
) -> None:
    order = await franchise.collected()
    assert await balances(franchise) == {
        "brand": ROYALTY, "mall": MALL, FRANCHISEE: -ROYALTY - MALL, "channel": 0,
    }  # fmt: skip
    await franchise.pass_days(8)
    found = await franchise.split_through(order.id)
    assert found.state is SplitStatus.ENDED
    assert {part.party.kind.value: part.amount_fen for part in found.parts} == {
        "brand": ROYALTY,
        "mall": MALL,
    }
    assert await balances(franchise) == {"brand": 0, "mall": 0, FRANCHISEE: 0, "channel": 0}


async def test_a_refund_is_the_franchisees_and_what_comes_back_goes_to_it(franchise: SplitShop) -> None:
    order = await franchise.collected()
    await franchise.pass_days(8)
    await franchise.split_through(order.id)
    await franchise.refund(order.id, PRICE)
    # The franchisee gave the shopper everything back; the others owe it their parts until they return them.
    assert await balances(franchise) == {
        "brand": -ROYALTY, "mall": -MALL, FRANCHISEE: ROYALTY + MALL, "channel": 0,
    }  # fmt: skip
    assert await franchise.give_back(order.id) == [ReturnStatus.DONE, ReturnStatus.DONE]
    assert await balances(franchise) == {"brand": 0, "mall": 0, FRANCHISEE: 0, "channel": 0}


async def test_after_the_brand_takes_the_store_back_a_late_refund_stays_with_the_franchisee(
    franchise: SplitShop,
) -> None:
    order = await franchise.collected()
    await franchise.pass_days(8)
    await franchise.split_through(order.id)
    async with franchise.tenant.writing() as db:
        owned = OwnStore(ownership=Ownership.DIRECT, active_from=franchise.now)
        await own_store(db, owned, store_id=franchise.trading.store.id, actor="staff:test", now=franchise.now)
    await franchise.refund(order.id, PRICE)
    await franchise.give_back(order.id)
    assert await balances(franchise) == {"brand": 0, "mall": 0, FRANCHISEE: 0, "channel": 0}
