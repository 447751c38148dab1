"""Bill = ledger, to the fen: what keeps it from holding is named, what is still on its way is not counted against it."""

from settlement.posting.pending import post_pending
from settlement.reconciliation.accounts import merchant_account
from settlement.reconciliation.commands import ResolveDifference
from settlement.reconciliation.differences import resolve_difference
from settlement.reconciliation.fetch import reconcile_merchant
from settlement.reconciliation.proof import prove_day
from settlement.reconciliation.queries import Wanted, differences
from settlement.reconciliation.states import BillKind
from tenants.queries import merchants
from tests.settlement.reconciliation.test_fetch import morning, plant, reconcile, traded
from tests.support.rows import rows, value
from tests.support.trading import PRICE


async def prove(shop, day):
    async with shop.tenant.reading() as db:
        account = await merchant_account(db, BillKind.TRADE, merchant_no=shop.trading.mchid)
        return await prove_day(db, account, day=day)


def line(proof, name):
    (found,) = [each for each in proof.lines if each.name == name]
    return found.bill_millifen, found.ledger_millifen, found.explained_millifen, found.unexplained_millifen


async def test_every_fen_of_the_bill_is_booked(shop):
    await traded(shop)
    proof = (await reconcile(shop, await morning(shop))).proof
    assert line(proof, "payments") == (3_000 * PRICE, 3_000 * PRICE, 0, 0)
    assert line(proof, "refunds") == (500_000, 500_000, 0, 0)
    assert line(proof, "fees")[3] == 0
    assert (proof.holds, proof.examples) == (True, [])


async def test_a_payment_that_is_not_booked_is_named(shop):
    (order,) = await traded(shop, orders=1, refund=0)
    day = await morning(shop)
    assert (await reconcile(shop, day)).proof.holds
    ((number, journal),) = await rows(
        shop.tenant,
        "SELECT p.payment_no, j.id FROM app.payments p JOIN app.journals j ON j.tenant_id = p.tenant_id AND j.cause_id = p.order_id"
        " WHERE p.tenant_id = :t AND j.tenant_id = :t AND p.order_id = :o AND j.cause = 'order_paid'",
        o=order.id,
    )
    assert journal is not None
    later = await shop.paid()
    second = await morning(shop)
    proof = (await reconcile_without_booking(shop, second)).proof
    assert line(proof, "payments") == (1_000 * PRICE, 0, 0, 1_000 * PRICE)
    other = await value(
        shop.tenant, "SELECT payment_no FROM app.payments WHERE tenant_id = :t AND order_id = :o", o=later.id
    )
    assert proof.examples == [f"payment:{other}"] != [f"payment:{number}"]
    assert not proof.holds
    await post_pending(shop.tenant, now=shop.now)
    assert (await prove(shop, second)).holds


async def reconcile_without_booking(shop, day):
    """The fetch alone, as if the worker had not booked yet."""
    async with shop.tenant.reading() as db:
        (merchant,) = await merchants(db)
    return await reconcile_merchant(
        shop.tenant, merchant, day=day, channels=shop.channels, now=shop.now, by="system:test"
    )


async def test_a_refund_on_its_way_is_explained(shop):
    (order,) = await traded(shop, orders=1, refund=0)
    await shop.send_refund(await shop.ask_refund(order.id, 700))
    proof = (await reconcile(shop, await morning(shop))).proof
    assert line(proof, "refunds") == (700_000, 0, 700_000, 0)
    assert proof.holds


async def test_one_fen_more_in_the_bill_keeps_it_from_holding(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "alter", row=0, column="订单金额", value="199.01")
    await plant(shop, day, "alter", row=0, column="应结订单金额", value="199.01")
    proof = (await reconcile(shop, day)).proof
    assert line(proof, "payments")[3] == 1_000
    assert (proof.holds, len(proof.examples)) == (False, 1)


async def test_a_payment_that_the_bill_lists_twice_is_not_explained_twice(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "duplicate", row=0)
    done = await reconcile(shop, day)
    assert line(done.proof, "payments") == (4_000 * PRICE, 3_000 * PRICE, 0, 1_000 * PRICE)
    assert (done.proof.holds, len(done.proof.examples)) == (False, 1)
    async with shop.tenant.writing() as db:
        (found,) = (await differences(db, Wanted(), now=shop.now)).differences
        said = ResolveDifference(reason="渠道重复列示")
        await resolve_difference(db, said, difference_id=found.id, now=shop.now, actor="staff:lin")
    assert (await prove(shop, day)).holds


async def test_what_a_person_resolved_is_explained(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "drop", row=0)
    await plant(shop, day, "alter", row=0, column="订单金额", value="199.01")
    first = await reconcile(shop, day)
    assert (first.proof.holds, first.proof.unbilled_fen, first.agrees) == (False, PRICE, False)
    async with shop.tenant.writing() as db:
        for each in (await differences(db, Wanted(), now=shop.now)).differences:
            reason = ResolveDifference(reason="渠道已更正")
            await resolve_difference(db, reason, difference_id=each.id, now=shop.now, actor="staff:lin")
    again = await reconcile(shop, day)
    assert (again.proof.holds, again.proof.unbilled_fen, again.agrees) == (True, 0, True)
    assert line(again.proof, "payments")[2:] == (1_000, 0)
