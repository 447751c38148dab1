"""From a row of a statement's CSV one gets, by its ids alone, to the order's money, the line, the rule, the refund and the posting."""

import csv
from datetime import timedelta
from pathlib import Path

from settlement.money.views import StepKind
from settlement.money.waterfall import order_waterfall
from storefront.statements.files import FileKind, write_files
from tenants.kernel.ids import OrderId
from tenants.kernel.scope import TenantScope
from tests.support.books import give_back, give_back_loose, open_mall_store, sell
from tests.support.rows import value
from tests.support.statements import AFTER, SOLD, close, stated

OLD_COLUMNS = 17


async def test_the_ids_of_a_row_lead_to_order_line_rule_refund_and_posting(
    tenant: TenantScope, tmp_path: Path
) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 8_990, 1_010, at=SOLD)
        await give_back(db, sale, {1: 10}, at=SOLD + timedelta(hours=1))
        await give_back_loose(db, shop.store_id, 300, at=SOLD)
    await close(tenant)
    written = await write_files(tenant, await stated(tenant), out=tmp_path)
    with written.paths[FileKind.CSV].open(encoding="utf-8-sig", newline="") as file:
        heads, *told = list(csv.reader(file))
    assert heads[:OLD_COLUMNS][-1] == "税率"  # what was there stays where it was
    rows = [dict(zip(heads, row, strict=True)) for row in told]
    async with tenant.reading() as db:
        seen = await order_waterfall(db, sale.id, now=AFTER)
    steps = {
        (str(step.journal_id), str(step.order_line_id), step.amount_fen): step
        for step in seen.steps
        if step.kind is StepKind.PORTION
    }
    for row in rows:
        posted = await value(
            tenant,
            "SELECT count(*) FROM app.journals WHERE tenant_id = :t AND id = CAST(:id AS uuid)",
            id=row["凭证ID"],
        )
        assert posted == 1
        if row["类型"] == "无原单退款":
            assert (row["订单ID"], row["订单行ID"], bool(row["退款ID"])) == ("", "", True)
            continue
        assert OrderId(seen.order_id) == sale.id
        assert row["订单ID"] == str(sale.id)
        fen = round(float(row["分账金额(元)"]) * 100)
        step = steps[row["凭证ID"], row["订单行ID"], fen]
        assert (str(step.terms_id), str(step.refund_id or "")) == (row["条款编号"], row["退款ID"])
        assert step.rule is not None
        assert f"{step.rule.rate_bps / 100:.2f}%" == row["费率"]
    assert len(rows) == 4
