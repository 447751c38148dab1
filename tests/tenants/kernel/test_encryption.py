"""An envelope opens with its key, tenant and column, and with nothing else."""

from uuid import UUID

import pytest

from tenants.kernel.encryption import EnvelopeUnreadable, KeyRing

ONE, OTHER = UUID(int=1), UUID(int=2)
OLD = KeyRing(current="old", keys={"old": b"o" * 32})
NEW = KeyRing(current="new", keys={"new": b"n" * 32, "old": b"o" * 32})


def test_a_sealed_secret_opens_again() -> None:
    envelope = OLD.seal(b"api-key", tenant_id=ONE, column="credentials.x")
    assert OLD.unseal(envelope, tenant_id=ONE, column="credentials.x") == b"api-key"
    assert b"api-key" not in envelope


def test_two_seals_of_one_secret_differ() -> None:
    sealed = {OLD.seal(b"same", tenant_id=ONE, column="c") for _ in range(1_000)}
    assert len(sealed) == 1_000


@pytest.mark.parametrize(("tenant_id", "column"), [(OTHER, "c"), (ONE, "d")])
def test_an_envelope_moved_elsewhere_does_not_open(tenant_id: UUID, column: str) -> None:
    envelope = OLD.seal(b"secret", tenant_id=ONE, column="c")
    with pytest.raises(EnvelopeUnreadable):
        OLD.unseal(envelope, tenant_id=tenant_id, column=column)


def test_every_changed_byte_is_noticed() -> None:
    envelope = OLD.seal(b"secret", tenant_id=ONE, column="c")
    for place in range(len(envelope)):
        forged = envelope[:place] + bytes([envelope[place] ^ 1]) + envelope[place + 1 :]
        with pytest.raises(EnvelopeUnreadable):
            OLD.unseal(forged, tenant_id=ONE, column="c")


def test_a_new_key_ring_opens_what_the_old_key_sealed_and_not_the_other_way_round() -> None:
    envelope = OLD.seal(b"secret", tenant_id=ONE, column="c")
    assert NEW.unseal(envelope, tenant_id=ONE, column="c") == b"secret"
    renewed = NEW.seal(b"secret", tenant_id=ONE, column="c")
    assert NEW.key_id(renewed) == "new"
    with pytest.raises(EnvelopeUnreadable):
        OLD.unseal(renewed, tenant_id=ONE, column="c")


def test_keys_of_another_length_are_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="32-byte"):
        KeyRing(current="k", keys={"k": b"short"})
    assert "ooo" not in repr(OLD)
