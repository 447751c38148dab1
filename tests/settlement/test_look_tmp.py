from pathlib import Path
from datetime import UTC, date, datetime, timedelta
from settlement.commands import *
from settlement.agreed import *
from settlement.period_terms import Tier
from settlement.states import PartyKind
from storefront.statements.files import write_files
from settlement.queries import statements
from tests.support.books import *
from tests.support.statements import *
import inspect

async def test_look(tenant, keys):
    async with tenant.writing() as db:
        mall = await add_mall(db, "望江天地")
        stores = [await add_store(db, f"S{n:02d}", mall_id=mall) for n in range(1, 6)]
        party = NamedParty(kind=PartyKind.MALL, mall_id=mall)
        terms = PeriodTermsRow(party=party, period=TermLength.MONTH, tiers=[Tier(from_fen=0, to_fen=5_000_000, rate_bps=1500), Tier(from_fen=5_000_000, rate_bps=1800)], guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=2_000_000)
        names = set(inspect.signature(CreateContract).parameters)
        field = next(n for n in names if "period_terms" in n or n == "periods" or "terms" in n)
        extra = {field: [terms], "tax_bps": 600, "invoice": Invoice.THEY_ISSUE}
        await mall_contract(db, mall, stores, **extra)
        k = 0
        for d in range(1, 28):
            for s in stores:
                k += 1
                sale = await sell(db, s, 39_900 + 777 * (k % 13), 12_345 + k, at=SOLD.replace(day=d))
                if k % 7 == 0:
                    await give_back(db, sale, {0: 10_000 + k}, at=SOLD.replace(day=d) + timedelta(hours=3))
    await close(tenant)
    await agree(tenant, await ask(tenant, -12_345, restates=True))
    out = Path("/tmp/statements/out"); out.mkdir(parents=True, exist_ok=True)
    async with tenant.reading() as db:
        found = await statements(db, month=OCTOBER)
    for each in found:
        w = await write_files(tenant, each, out=out)
        assert w.agrees, w.checks
        print(w.paths)
