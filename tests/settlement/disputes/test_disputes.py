"""A mall's own numbers against a statement: all differences found, each answered with a reason, nothing signed before."""

import random
from datetime import date

import pytest

from settlement.disputes.answer import answer_difference, resolve_dispute
from settlement.disputes.commands import (
    AnswerDifference,
    OpenDispute,
    ResolveDispute,
    TheirNumber,
    TheirNumbers,
)
from settlement.disputes.numbers import import_numbers
from settlement.disputes.open import open_dispute
from settlement.disputes.queries import find_dispute
from settlement.disputes.states import Compared, RowLevel
from settlement.disputes.views import DisputeView
from settlement.errors import (
    AdjustmentWrong,
    DifferenceAnswered,
    DifferencesOpen,
    DisputeNotFound,
    DisputeStandsOtherwise,
    StatementStandsOtherwise,
)
from settlement.reconciliation.matching import MatchClass
from settlement.signing.queries import adjustments
from tenants.kernel.ids import DisputeId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tests.support.books import MallStore, give_back, open_mall_store, sell
from tests.support.rows import rows
from tests.support.statements import AFTER, CLOSER, SOLD, agree, approve, close, sound, stated

DAY = date(2026, 10, 12)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """Three October orders: 10,000 (2,000 of it refunded), 899 and 100, 7,700; the mall gets 15 %."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=SOLD)
        await give_back(db, sale, {0: 2_000}, at=SOLD)
        await sell(db, shop.store_id, 899, 100, at=SOLD)
        await sell(db, shop.store_id, 7_700, at=SOLD)
    await close(tenant)
    return shop


async def numbers(tenant: TenantScope) -> dict[int, str]:
    """Order numbers by what was sold."""
    found = await rows(tenant, "SELECT order_no, total_fen FROM app.orders WHERE tenant_id = :t")
    return {row.total_fen: row.order_no for row in found}


async def opened(tenant: TenantScope) -> DisputeView:
    statement = await stated(tenant)
    async with tenant.writing() as db:
        return await open_dispute(
            db,
            OpenDispute(reason="与我方系统不一致"),
            statement_id=statement.id,
            opened_by="staff:mall",
            now=AFTER,
        )


async def take(
    tenant: TenantScope,
    dispute_id: DisputeId,
    said: list[tuple[str, int]],
    *,
    level: RowLevel = RowLevel.ORDER,
    of: Compared = Compared.PORTION,
    on: date = DAY,
) -> DisputeView:
    found = [
        TheirNumber(row_no=number, about=about, on=on, amount_fen=Fen(fen))
        for number, (about, fen) in enumerate(said, start=2)
    ]
    file = TheirNumbers(level=level, compares=of, file_name="mall.xlsx", file_sha256="ab" * 32, rows=found)
    async with tenant.writing() as db:
        return await import_numbers(db, file, dispute_id=dispute_id, imported_by="staff:mall", now=AFTER)


async def answer(tenant: TenantScope, dispute_id: DisputeId, number: int, **said: object) -> DisputeView:
    command = AnswerDifference(**({"ours_stand": True, "reason": "以我方为准"} | said))
    async with tenant.writing() as db:
        return await answer_difference(
            db, command, dispute_id=dispute_id, number=number, answered_by=CLOSER, now=AFTER
        )


async def resolve(tenant: TenantScope, dispute_id: DisputeId) -> DisputeView:
    async with tenant.writing() as db:
        return await resolve_dispute(
            db, ResolveDispute(resolution="已核对"), dispute_id=dispute_id, resolved_by=CLOSER, now=AFTER
        )


def classes(found: DisputeView) -> dict[str, tuple[int, int]]:
    return {each.kind.value: (each.count, each.differing_fen) for each in found.classes}


async def test_numbers_that_agree_leave_no_difference_at_any_level(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    for level, of, said in (
        (RowLevel.ORDER, Compared.PORTION, [(no[10_000], 1_200), (no[999], 149), (no[7_700], 1_155)]),
        (RowLevel.ORDER, Compared.PORTION, [(no[10_000], 1_500), (no[10_000], -300), (no[999], 149), (no[7_700], 1_155)]),
        (RowLevel.LINE, Compared.PORTION, [(f"{no[10_000]}#1", 1_200), (f"{no[999]}#1", 134), (f"{no[999]}#2", 15), (f"{no[7_700]}#1", 1_155)]),
        (RowLevel.ORDER, Compared.BASE, [(no[10_000], 8_000), (no[999], 999), (no[7_700], 7_700)]),
        (RowLevel.DAY, Compared.PORTION, [("2026-10-12", 2_504)]),
    ):  # fmt: skip
        found = await take(shop.tenant, dispute.id, said, level=level, of=of)
        assert (found.differences, found.ours_fen) == ([], found.theirs_fen), (level, of)
        assert found.matched_fen == found.ours_fen


async def test_every_class_of_difference_is_found_counted_and_summed(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    said = [(no[10_000], 1_200), (no[10_000], 1_200), (no[999], 150), ("N-unknown", 77)]
    found = await take(shop.tenant, dispute.id, said)
    assert classes(found) == {
        "amount": (1, 1), "duplicated": (1, 1_200), "missing_here": (1, 77), "missing_there": (1, -1_155)
    }  # fmt: skip
    assert (found.rows_read, found.matched, found.matched_fen) == (4, 1, 1_200)
    assert {4, 5} < {each.row_no for each in found.differences}
    assert found.theirs_fen - found.ours_fen == sum(fen for _, fen in classes(found).values())


async def test_a_difference_stands_on_our_day_where_we_have_the_line(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    said = [(no[10_000], 1_200), (no[7_700], 1), ("N-unknown", 77)]
    found = await take(shop.tenant, dispute.id, said, on=date(2026, 10, 1))
    days = {each.kind.value: each.occurred_on for each in found.differences}
    assert days == {"amount": DAY, "missing_there": DAY, "missing_here": date(2026, 10, 1)}


async def test_nothing_is_signed_while_a_difference_is_open_and_each_answer_has_a_reason(
    shop: MallStore,
) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    await take(shop.tenant, dispute.id, [(no[10_000], 1_200), (no[999], 150)])
    for signing in (approve(shop.tenant), resolve(shop.tenant, dispute.id)):
        with pytest.raises(DifferencesOpen):
            await signing
    for number in (1, 2):
        await answer(shop.tenant, dispute.id, number)
    with pytest.raises(DifferenceAnswered):
        await answer(shop.tenant, dispute.id, 1)
    with pytest.raises(StatementStandsOtherwise):
        await approve(shop.tenant)
    assert (await resolve(shop.tenant, dispute.id)).state == "resolved"
    with pytest.raises(DisputeStandsOtherwise):
        await resolve(shop.tenant, dispute.id)
    assert (await approve(shop.tenant)).state == "approved"


async def test_where_theirs_are_right_an_adjustment_restates_the_statement_once_a_second_person_agrees(
    shop: MallStore,
) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    await take(shop.tenant, dispute.id, [(no[10_000], 1_200), (no[999], 150), (no[7_700], 1_155)])
    answered = await answer(shop.tenant, dispute.id, 1, ours_stand=False, reason="少计一分")
    assert answered.differences[0].state == "theirs_stand"
    await resolve(shop.tenant, dispute.id)
    async with shop.tenant.reading() as db:
        [asked] = await adjustments(db)
    assert (asked.amount_fen, asked.restates, asked.id) == (1, True, answered.differences[0].adjustment_id)
    assert "sha256" in (asked.evidence or "")
    await agree(shop.tenant, asked)
    second = await stated(shop.tenant)
    assert (second.version, second.adjusted_fen, second.closing_fen) == (2, 1, 2_505)
    assert (await approve(shop.tenant, by="staff:third")).state == "approved"
    assert await sound(shop.tenant)


async def test_where_the_brands_statement_is_signed_the_answer_falls_into_the_open_period(
    shop: MallStore,
) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    await take(shop.tenant, dispute.id, [(no[10_000], 1_200), (no[999], 150), (no[7_700], 1_155)])
    await approve(shop.tenant, "brand")
    await answer(shop.tenant, dispute.id, 1, ours_stand=False, reason="少计一分")
    await resolve(shop.tenant, dispute.id)
    async with shop.tenant.reading() as db:
        [asked] = await adjustments(db)
    assert (asked.amount_fen, asked.restates) == (1, False)
    assert (await agree(shop.tenant, asked)).period_on == date(2026, 11, 1)
    assert await sound(shop.tenant)


async def test_what_we_do_not_know_needs_a_contract_to_be_adjusted_under(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    said = [(no[10_000], 1_200), (no[999], 149), (no[7_700], 1_155), ("N-unknown", 77)]
    found = await take(shop.tenant, dispute.id, said)
    assert [each.kind for each in found.differences] == [MatchClass.MISSING_HERE]
    with pytest.raises(AdjustmentWrong):
        await answer(shop.tenant, dispute.id, 1, ours_stand=False)
    with pytest.raises(DisputeNotFound):
        await answer(shop.tenant, dispute.id, 9)


async def test_a_better_file_replaces_one_until_a_difference_is_answered(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    assert len((await take(shop.tenant, dispute.id, [(no[999], 150)])).differences) == 3
    assert len((await take(shop.tenant, dispute.id, [(no[999], 150), (no[7_700], 1_155)])).differences) == 2
    await answer(shop.tenant, dispute.id, 1)
    with pytest.raises(DifferenceAnswered):
        await take(shop.tenant, dispute.id, [(no[999], 149)])


async def test_a_second_dispute_is_not_opened_beside_one_and_another_mall_finds_none(shop: MallStore) -> None:
    dispute = await opened(shop.tenant)
    with pytest.raises(StatementStandsOtherwise):
        await opened(shop.tenant)
    async with shop.tenant.reading() as db:
        assert (await find_dispute(db, dispute.id, mall_id=shop.mall_id)).id == dispute.id
        with pytest.raises(DisputeNotFound):
            await find_dispute(db, dispute.id, mall_id=new_id())


@pytest.mark.parametrize("seed", range(4))
async def test_all_seeded_differences_are_found_without_a_false_alarm(tenant: TenantScope, seed: int) -> None:
    chance = random.Random(seed)
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        for _ in range(40):
            await sell(db, shop.store_id, chance.randrange(1_000, 90_000), at=SOLD)
    await close(tenant)
    truth = {
        row.order_no: row.total_fen * 15 // 100
        for row in await rows(tenant, "SELECT order_no, total_fen FROM app.orders WHERE tenant_id = :t")
    }
    said, expected = [], set()
    for order_no, fen in sorted(truth.items()):
        kind = chance.choice(["same", "same", "amount", "missing", "twice"])
        if kind == "amount":
            said.append((order_no, fen + chance.choice([-1, 1, 50])))
        elif kind == "same":
            said.append((order_no, fen))
        elif kind == "twice":
            said += [(order_no, fen)] * 2
        if kind != "same":
            expected.add(order_no)
    chance.shuffle(said)
    dispute = await opened(tenant)
    found = await take(tenant, dispute.id, said)
    assert {each.about for each in found.differences} == expected
    assert len(found.differences) == len(expected)


async def test_control_comparing_totals_alone_would_have_seen_nothing(shop: MallStore) -> None:
    no = await numbers(shop.tenant)
    dispute = await opened(shop.tenant)
    found = await take(shop.tenant, dispute.id, [(no[10_000], 1_201), (no[999], 148), (no[7_700], 1_155)])
    assert found.ours_fen == found.theirs_fen
    assert len(found.differences) == 2
