"""Connect a brand's corp in WeCom, and its mini-program's message push: what their consoles and we must agree on, sealed."""

from datetime import datetime

import msgspec

from tenants.commands import ConnectPush, ConnectWecom
from tenants.credentials import PushSecrets, WecomSecrets, keep_push, keep_wecom
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import Writing


async def connect_wecom(db: Writing, command: ConnectWecom, *, keys: KeyRing, now: datetime) -> None:
    """Keep the brand's corp, in place of an earlier one."""
    await keep_wecom(db, WecomSecrets(**msgspec.structs.asdict(command)), keys=keys, now=now)


async def connect_push(db: Writing, command: ConnectPush, *, keys: KeyRing, now: datetime) -> None:
    """Keep what the mini-program's message push is configured with, in place of an earlier one."""
    await keep_push(db, PushSecrets(**msgspec.structs.asdict(command)), keys=keys, now=now)
