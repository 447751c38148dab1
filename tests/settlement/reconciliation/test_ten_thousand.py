"""Thousands of seeded untruths in bills, all found, each with its class, and not one alarm that nobody planted.

`DIFFERENCES=10000` runs the whole number; the suite a part of it.
"""

import os
import random
from collections import Counter
from datetime import timedelta

from settlement.reconciliation.matching import MatchClass
from tests.support.bills import (
    FIRST,
    a_day,
    account_of_tenant,
    file_of,
    rows_of,
    summary_of,
    take_in,
    write_books,
    yuan,
)
from tests.support.rows import rows, value

DIFFERENCES = int(os.environ.get("DIFFERENCES", "700"))
DAYS = 7
KINDS = ("missing", "extra", "changed", "copied", "late", "fee", "state")
SEED = 20261121


class Forger:
    """Plants untruths in a week's honest bills and remembers what it planted: (day, class, key) each."""

    def __init__(self, days, *, seed):
        self.random = random.Random(seed)
        self.days = days
        self.planted = Counter()
        self.totals = Counter()
        self.kept_totals = set()

    def plant(self, count):
        """Plant so many, each in a row of its own."""
        places = [(day, place) for day in range(DAYS) for place in range(len(self.days[day]))]
        self.random.shuffle(places)
        moved, added, gone = [], [], []
        for number in range(count):
            day, place = places[number]
            kind = self.random.choice(KINDS)
            row = self.days[day][place]
            if kind == "late" and (day == DAYS - 1 or row["交易状态"] != "REFUND"):
                kind = "changed"
            getattr(self, kind)(day, row, moved=moved, added=added, gone=gone)
        for day, row in gone:
            self.days[day].remove(row)
        for day, row in (*moved, *added):
            self.days[day].insert(self.random.randrange(len(self.days[day]) + 1), row)

    def note(self, day, found, row):
        is_refund = row["交易状态"] == "REFUND"
        key = f"refund:{row['商户退款单号']}" if is_refund else f"payment:{row['商户订单号']}"
        self.planted[FIRST + timedelta(days=day), found, key] += 1

    def missing(self, day, row, *, gone, **_):
        gone.append((day, row))
        self.note(day, MatchClass.MISSING_THERE, row)

    def extra(self, day, row, *, added, **_):
        mark = f"X{len(added)}"
        fresh = row | {"商户订单号": f"P{mark}", "微信订单号": f"42{mark}"}
        if row["交易状态"] == "REFUND":
            fresh |= {"商户退款单号": f"R{mark}", "微信退款单号": f"50{mark}"}
        added.append((day, fresh))
        self.note(day, MatchClass.MISSING_HERE, fresh)

    def changed(self, day, row, **_):
        column = "申请退款金额" if row["交易状态"] == "REFUND" else "订单金额"
        row[column] = yuan(max(int(row[column].replace(".", "")) + self.random.choice((-1, 1, 100)), 0))
        self.note(day, MatchClass.AMOUNT, row)

    def copied(self, day, row, *, added, **_):
        added.append((day, dict(row)))
        self.note(day, MatchClass.DUPLICATED, row)

    def late(self, day, row, *, moved, gone, **_):
        after = row["交易时间"][:10]
        gone.append((day, row))
        fresh = row | {"交易时间": row["交易时间"].replace(after, str(FIRST + timedelta(days=day + 1)))}
        moved.append((day + 1, fresh))
        self.note(day + 1, MatchClass.LATE, fresh)

    def fee(self, day, row, **_):
        thousandths = int(row["手续费"].replace(".", "")) + self.random.choice((1, -1, 1_000))
        sign, rest = ("-", -thousandths) if thousandths < 0 else ("", thousandths)
        row["手续费"] = f"{sign}{rest // 100_000}.{rest % 100_000:05d}"
        self.note(day, MatchClass.FEE, row)

    def state(self, day, row, **_):
        column = "微信退款单号" if row["交易状态"] == "REFUND" else "微信订单号"
        row[column] += "9"
        self.note(day, MatchClass.STATE, row)

    def files(self):
        """The bills; every third tells sums that are not those of its rows."""
        for day, listed in enumerate(self.days):
            summary = summary_of(listed)
            if day % 3 == 0:
                summary["订单总金额"] = yuan(int(summary["订单总金额"].replace(".", "")) + 1)
                self.planted[FIRST + timedelta(days=day), MatchClass.TOTALS, "totals:total_fen"] += 1
            yield FIRST + timedelta(days=day), file_of(listed, summary=summary)


async def week(tenant, count):
    """Our books of a week, and the honest rows of each of its days."""
    chosen = random.Random(SEED)
    async with tenant.writing_much() as db:
        account = await account_of_tenant(db)
        days = []
        for day in range(DAYS):
            fens = [chosen.randrange(1, 200_000) for _ in range(count)]
            sold = a_day(FIRST + timedelta(days=day), count, fens=fens, refunds=range(0, count, 3))
            await write_books(db, sold, day=FIRST + timedelta(days=day), merchant_id=account.merchant_id)
            days.append(rows_of(sold, account.name))
    return account, days


async def found_in(tenant, account, files):
    found = Counter()
    for day, raw in files:
        _, matched = await take_in(tenant, raw, day=day, account=account)
        for each in matched.differences:
            found[day, each.kind, each.key] += 1
    return found


async def test_every_planted_untruth_is_found_with_its_class_and_no_other_alarm_is_given(tenant):
    account, days = await week(tenant, max(DIFFERENCES // 4, 20))
    forger = Forger(days, seed=SEED)
    forger.plant(DIFFERENCES)
    files = list(forger.files())
    # In reverse, so that what was moved to the next day meets that day's bill: the order of intake is finance's.
    found = await found_in(tenant, account, files[::-1])
    assert found == forger.planted
    kinds = Counter(kind for _, kind, _ in forger.planted.elements())
    assert set(kinds) == set(MatchClass) - {MatchClass.MATCHED, MatchClass.BALANCE, MatchClass.VARIANCE}


async def test_in_the_order_of_days_what_was_late_is_missing_until_the_next_bill_explains_it(tenant):
    account, days = await week(tenant, 60)
    forger = Forger(days, seed=SEED)
    forger.plant(120)
    await found_in(tenant, account, list(forger.files()))
    rows_open = "SELECT day, match_class, key FROM app.differences WHERE tenant_id = :t AND state = 'open'"
    left = Counter((row.day, MatchClass(row.match_class), row.key) for row in await rows(tenant, rows_open))
    assert left == Counter(
        {each: count for each, count in forger.planted.items() if each[1] is not MatchClass.LATE}
    )
    explained = "SELECT count(*) FROM app.differences WHERE tenant_id = :t AND state = 'gone' AND match_class = 'missing_there'"
    assert await value(tenant, explained) == sum(each[1] is MatchClass.LATE for each in forger.planted) > 0


async def test_an_honest_week_gives_no_alarm(tenant):
    account, days = await week(tenant, max(DIFFERENCES // 10, 20))
    files = [(FIRST + timedelta(days=day), file_of(rows)) for day, rows in enumerate(days)]
    assert not await found_in(tenant, account, files)


async def test_whoever_trusts_the_totals_line_misses_most_of_it(tenant):
    """The control: days whose sums agree are believed; what cancels out, or is moved without changing a sum, stays."""
    account, days = await week(tenant, 40)
    honest = [summary_of(rows) for rows in days]
    forger = Forger(days, seed=SEED)
    forger.plant(60)
    believed = [
        (day, raw)
        for (day, raw), summary in zip(
            (
                (FIRST + timedelta(days=day), file_of(rows, summary=honest[day]))
                for day, rows in enumerate(forger.days)
            ),
            honest,
            strict=True,
        )
        if told(raw) != summary
    ]
    assert (
        believed == []
    )  # a bill that tells the right sums: the totals line gives no reason to look at one row of it
    looked = await found_in(
        tenant,
        account,
        [
            (FIRST + timedelta(days=day), file_of(rows, summary=honest[day]))
            for day, rows in reversed(list(enumerate(forger.days)))
        ],
    )
    rows_alone = Counter({each: count for each, count in looked.items() if each[1] is not MatchClass.TOTALS})
    assert rows_alone == forger.planted


def told(raw):
    """What trusting the totals line looks at."""
    names, values = raw.decode("utf-8-sig").splitlines()[-2:]
    return dict(zip(names.split(","), (each.removeprefix("`") for each in values.split(",")), strict=True))
