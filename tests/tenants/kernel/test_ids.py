"""Ids sort by the time they were made, and codes cannot be guessed."""

import time
from uuid import UUID

from tenants.kernel.ids import BASE62, derived_id, new_id, random_code


def test_a_new_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_made_later_sort_later() -> None:
    first = new_id()
    time.sleep(0.002)
    assert first < new_id()


def test_ten_thousand_ids_differ() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_a_derived_id_is_the_same_for_the_same_parts_only() -> None:
    tenant = UUID(int=1)
    assert derived_id(tenant, "store", "A1") == derived_id(tenant, "store", "A1")
    assert derived_id(tenant, "store", "A1") != derived_id(tenant, "storeA", "1")
    assert derived_id(UUID(int=2), "store", "A1") != derived_id(tenant, "store", "A1")


def test_codes_use_every_letter_about_equally() -> None:
    drawn = random_code(62_000)
    counts = [drawn.count(letter) for letter in BASE62]
    assert len(drawn) == 62_000
    assert min(counts) > 800
    assert max(counts) < 1_200
