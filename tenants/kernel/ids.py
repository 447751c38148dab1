"""A type for every entity's id, and the time-ordered UUIDs they are made of.

Ids are made by the application (RFC 9562 version 7), never by the database: a distributed table has no sequence, and an id must
be known before the row is written so that a retried request can name the same thing again.
"""

import os
import time
from typing import NewType
from uuid import NAMESPACE_URL, UUID, uuid5

TenantId = NewType("TenantId", UUID)
OrganisationId = NewType("OrganisationId", UUID)
StaffId = NewType("StaffId", UUID)
OperatorId = NewType("OperatorId", UUID)
SessionId = NewType("SessionId", UUID)
MerchantId = NewType("MerchantId", UUID)
StoreId = NewType("StoreId", UUID)
StoreGroupId = NewType("StoreGroupId", UUID)
MallId = NewType("MallId", UUID)
ShopperId = NewType("ShopperId", UUID)
LevelId = NewType("LevelId", UUID)
CategoryId = NewType("CategoryId", UUID)
SpuId = NewType("SpuId", UUID)
SkuId = NewType("SkuId", UUID)
PageId = NewType("PageId", UUID)
ReservationId = NewType("ReservationId", UUID)
GuideId = NewType("GuideId", UUID)
SceneLinkId = NewType("SceneLinkId", UUID)
TouchId = NewType("TouchId", UUID)
ContactId = NewType("ContactId", UUID)
ContactWayId = NewType("ContactWayId", UUID)
MoveId = NewType("MoveId", UUID)
PlanId = NewType("PlanId", UUID)
OrderId = NewType("OrderId", UUID)
OrderLineId = NewType("OrderLineId", UUID)
PaymentId = NewType("PaymentId", UUID)
PickupId = NewType("PickupId", UUID)
RefundId = NewType("RefundId", UUID)
TermsId = NewType("TermsId", UUID)
PartyId = NewType("PartyId", UUID)
ContractId = NewType("ContractId", UUID)
PeriodId = NewType("PeriodId", UUID)
AccountId = NewType("AccountId", UUID)
JournalId = NewType("JournalId", UUID)
EntryId = NewType("EntryId", UUID)
StatementId = NewType("StatementId", UUID)
ReceiverId = NewType("ReceiverId", UUID)
SplitId = NewType("SplitId", UUID)
SplitReturnId = NewType("SplitReturnId", UUID)
UnfreezeId = NewType("UnfreezeId", UUID)
EventId = NewType("EventId", UUID)

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_id() -> UUID:
    """Make a version 7 UUID: 48 bits of milliseconds, then random bits, so that ids sort by the time they were made."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76 | (random_bits >> 68) << 64
    value |= 0b10 << 62 | random_bits & (2**62 - 1)
    return UUID(int=value)


def derived_id(*parts: str | UUID) -> UUID:
    """Make the one UUID (version 5) that these parts always give, so that a repeated import meets its own rows again."""
    return uuid5(NAMESPACE_URL, "storefront:" + "\x1f".join(str(part) for part in parts))


def random_code(length: int) -> str:
    """Draw an unguessable code of that many base-62 characters (5.95 bits each)."""
    # Bytes from 248 up are dropped: 256 is no multiple of 62, and keeping them would favour the first characters.
    letters: list[str] = []
    while len(letters) < length:
        letters += [BASE62[byte % 62] for byte in os.urandom(length * 2) if byte < 248]  # noqa: PLR2004 the largest multiple of 62 in a byte
    return "".join(letters[:length])
