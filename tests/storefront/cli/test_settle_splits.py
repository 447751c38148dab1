"""`settle run-splits` says which payments unfreeze soon and are not split yet, with the day, while something can still be done."""

from datetime import timedelta

from rich.console import Console

from settlement.splitting.schedule import warn_of_freeze
from storefront.cli.settle_splits import print_warned
from tests.settlement.conftest import (
    _keys_made_once,
    http,
    merchant_key,
    new_split_shop,
    own_control,
    shop,
    wechat_keys,
)
from tests.support.rows import value

__all__ = ["_keys_made_once", "http", "merchant_key", "new_split_shop", "own_control", "shop", "wechat_keys"]

ORDER_NO = "SELECT order_no FROM app.orders WHERE tenant_id = :t AND id = :id"


async def printed(tenant):
    console = Console(record=True, width=200)
    await print_warned(console, tenant)
    return console.export_text()


async def test_what_unfreezes_soon_is_listed_with_its_day_until_its_splitting_is_over(shop):
    await shop.settle(splitting={"returnDays": 27})
    order = await shop.collected()
    found = await shop.split(order.id)
    assert await printed(shop.tenant) == ""
    await shop.pass_days(25)
    async with shop.tenant.writing() as db:
        assert await warn_of_freeze(db, found.id, now=shop.now)
    said = await printed(shop.tenant)
    thaws = (found.paid_at + timedelta(days=30, hours=8)).strftime("%Y-%m-%d %H:%M")
    assert await value(shop.tenant, ORDER_NO, id=order.id) in said
    assert thaws in said
    await shop.pass_days(3)
    await shop.split_through(order.id)
    assert await printed(shop.tenant) == ""
