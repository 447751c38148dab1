"""What a tenant has settled about splitting through its channel: `settings.splitting`, as days and basis points."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading, Writing
from tenants.queries import tenant_settings
from tenants.settle import settle

PART = "splitting"
Days = Annotated[int, Meta(ge=0, le=365)]
SETTLED_AFTER = timedelta(seconds=60)
"""The channel refuses to split a payment younger than this."""


class SplitPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """When a payment is split, and how much of it may be, where the channel does not say so itself."""

    settlement_days: Days = 1
    """结算周期: how long after receipt was confirmed (or, unknown, after the hand-over) the channel settles."""
    return_days: Days = 7
    """How long goods may be brought back: what is split before may have to be asked back."""
    hold_days: dict[str, Days] = {}
    """The same for what was sold elsewhere, by the source's name, where it differs: it tells when a party's part has matured."""
    freeze_days: Days = 30
    """After so many days everything unfreezes by itself: 30 for direct merchants, 180 in a chain."""
    warning_days: Days = 5
    """How long before that somebody is warned."""
    largest_bps: Annotated[int, Meta(ge=0, le=10_000)] = 3_000
    """The largest share of an order that may be split (the channel's default is 30 %)."""
    largest_by_merchant: dict[str, Annotated[int, Meta(ge=0, le=10_000)]] = {}
    """The same for merchant numbers with a share of their own."""

    def largest_of(self, merchant_no: str | None) -> Bps:
        """The largest share that this merchant may split off, in basis points."""
        return Bps(self.largest_by_merchant.get(merchant_no or "", self.largest_bps))

    def due_at(
        self, *, paid_at: datetime, collected_at: datetime, confirmed_at: datetime | None = None
    ) -> datetime:
        """The earliest moment to split: settled, and the goods can no longer be brought back.

        Until the platform says when receipt was confirmed, the hand-over stands for it.
        """
        return max(
            paid_at + SETTLED_AFTER,
            (confirmed_at or collected_at) + timedelta(days=self.settlement_days),
            collected_at + timedelta(days=self.return_days),
        )

    def warn_at(self, *, paid_at: datetime) -> datetime:
        """When to warn that the freeze ends soon."""
        return self.thaws_at(paid_at=paid_at) - timedelta(days=self.warning_days)

    def thaws_at(self, *, paid_at: datetime) -> datetime:
        """When everything unfreezes by itself."""
        return paid_at + timedelta(days=self.freeze_days)


async def choose_split_policy(db: Writing, policy: SplitPolicy, *, actor: str, now: datetime) -> SplitPolicy:
    """Settle when the brand's payments are split from now on; what is scheduled already stays where it is."""
    await settle(db, PART, chosen=msgspec.to_builtins(policy), actor=actor, now=now)
    return policy


async def split_policy(db: Reading) -> SplitPolicy:
    """The tenant's policy; what it has not settled is the default."""
    return msgspec.convert((await tenant_settings(db)).get(PART, {}), SplitPolicy)
