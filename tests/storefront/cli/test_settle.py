"""`storefront settle` as finance runs it: what is shown, and when it ends with 1."""

import asyncio

from click.testing import CliRunner
from rich.console import Console

from settlement.statements import PartyMonth
from settlement.states import PartyKind
from settlement.views import PartyView
from storefront.cli.main import storefront
from storefront.cli.settle_report import preview_table
from tenants.kernel.ids import PartyId, new_id
from tenants.kernel.money import Fen
from tests.storefront.cli.test_commands import environment
from tests.support.rows import value
from tests.support.shop import add_product, say

__all__ = ["environment"]


async def verify(tenant):
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    return await asyncio.to_thread(CliRunner().invoke, storefront, ["settle", "verify", "--tenant", code])


async def test_verify_recounts_stock_and_orders_beside_the_books(environment, tenant):
    sound = await verify(tenant)
    assert sound.exit_code == 0, sound.output
    assert "a paid order has its pickup" in sound.output
    async with tenant.writing() as db:
        product = await add_product(db)
        await say(db, product.sku, stock=5, reserved=2)
    broken = await verify(tenant)
    assert broken.exit_code == 1
    assert "reserves 2 not 0" in " ".join(broken.output.split()), broken.output


def test_a_dry_run_shows_parties_by_kind_and_name():
    kinds = {"乙": PartyKind.GUIDE, "甲": PartyKind.GUIDE, "望江天地": PartyKind.MALL}
    parties = {
        (party_id := PartyId(new_id())): PartyView(id=party_id, kind=kind, code=str(new_id()), name=name)
        for name, kind in kinds.items()
    }
    counted = [
        PartyMonth(party_id=each, opening_fen=Fen(0), earned_fen=Fen(100), reversed_fen=Fen(0), paid_fen=Fen(0), lines=1, content_sha256="")
        for each in parties
    ]  # fmt: skip
    console = Console(width=160)
    with console.capture() as shown:
        console.print(preview_table(counted, parties=parties, title="x"))
    said = shown.get()
    assert said.index("乙") < said.index("甲") < said.index("望江天地")
    assert not any(party.code in said for party in parties.values())
