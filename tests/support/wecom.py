"""A brand's corp at the simulator: members who are guides, shoppers who add them, messages that reach the open shop."""

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from guides.commands import EmployGuide
from guides.employ import employ_guide
from storefront.simulators.remote import SimulatorControl
from tenants.commands import ConnectWecom
from tenants.connect import connect_wecom
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import GuideId, ShopperId, random_code
from tenants.kernel.scope import TenantScope
from tenants.ports import ShopperIdentity
from tenants.queries import callback_key
from tenants.shoppers import meet_shopper
from tests.support.open_shop import OpenShop
from tests.support.rows import rows
from tests.support.trading import Trading

DAY = 86_400
HOLDERS = (
    "SELECT guide_id, store_id, active_from, active_to FROM app.relations"
    " WHERE tenant_id = :t AND shopper_id = :s ORDER BY active_from, id"
)


@dataclass
class Company:
    """The corp."""

    trading: Trading
    shop: OpenShop
    corp_id: str
    token: str
    aes_key: str
    path: str

    @property
    def tenant(self) -> TenantScope:
        return self.trading.tenant

    @property
    def control(self) -> SimulatorControl:
        return self.trading.control

    async def command(self, path: str, **fields: object) -> dict[str, Any]:
        return await self.control.command(f"wecom/{path}", corpid=self.corp_id, **fields)

    async def guide(self, member_no: str | None = None, *, name: str = "小林", **fields: object) -> GuideId:
        """A guide who is a member of the corp."""
        number = member_no or f"u{random_code(8).lower()}"
        await self.command("members", userid=number, name=name, **fields)
        command = EmployGuide(
            code=random_code(8), name=name, store_id=self.trading.store.id, wecom_userid=number, phone="13800138000",
            avatar_url="https://img.example/face.png",
        )  # fmt: skip
        async with self.tenant.writing() as db:
            return (await employ_guide(db, command, now=datetime(2026, 1, 1, tzinfo=UTC))).id

    async def member_no(self, guide_id: GuideId) -> str:
        statement = "SELECT wecom_userid FROM app.guides WHERE tenant_id = :t AND id = :g"
        return str((await rows(self.tenant, statement, g=guide_id))[0][0])

    async def shopper(self) -> tuple[ShopperId, str]:
        """A shopper who logged in, with a union id."""
        union_id = f"un{random_code(20)}"
        async with self.tenant.writing() as db:
            identity = ShopperIdentity(f"o{random_code(24)}", union_id)
            return await meet_shopper(db, identity, now=datetime.now(UTC)), union_id

    async def adds(self, guide_id: GuideId, *, union_id: str | None = None, **fields: object) -> str:
        """Somebody adds a guide; the message arrives and the worker acts."""
        found = await self.command("scan", userid=await self.member_no(guide_id), unionid=union_id, **fields)
        await self.delivered()
        return str(found["externalUserid"])

    async def delivered(self) -> None:
        """Messages are delivered and acted on."""
        await self.control.advance(0)
        await self.shop.work(self.tenant)

    async def a_day_passes(self, days: float = 1.01) -> None:
        """Business time goes on, and what waited for it falls due for the worker."""
        await self.control.advance(days * DAY)
        await self.due_now("MovesAwaited", "MovesRequested")

    async def due_now(self, *kinds: str) -> None:
        statement = "UPDATE app.outbox SET due_at = :now WHERE tenant_id = :t AND done_at IS NULL AND kind = ANY(:kinds)"
        async with self.tenant.writing() as db:
            await db.execute(
                text(statement), {"t": db.tenant_id, "now": datetime.now(UTC), "kinds": list(kinds)}
            )
        await self.shop.work(self.tenant)

    async def holders(self, shopper_id: ShopperId) -> list[Any]:
        """Everybody who ever held a shopper's relation."""
        return await rows(self.tenant, HOLDERS, s=shopper_id)

    async def holder(self, shopper_id: ShopperId) -> Any:
        """Who holds it now (None: the store); fails where nobody does."""
        (held,) = [each for each in await self.holders(shopper_id) if each.active_to is None]
        return held.guide_id


async def open_company(trading: Trading, *, shop: OpenShop, keys: KeyRing) -> Company:
    """Open a corp at the simulator and connect the brand with it."""
    corp_id, token = "ww" + secrets.token_hex(8), secrets.token_hex(8)
    aes_key = (
        base64.b64encode(secrets.token_bytes(33)).decode().replace("+", "x").replace("/", "y")[:42] + "A"
    )
    async with trading.tenant.writing() as db:
        command = ConnectWecom(
            corp_id=corp_id, contact_secret="contact-secret", callback_token=token, encoding_aes_key=aes_key
        )
        await connect_wecom(db, command, keys=keys, now=datetime.now(UTC))
        path = f"/callbacks/wecom/{await callback_key(db)}"
    # Names of applications stay as they are, which the control's spelling of fields would not leave them.
    await trading.control._post("wecom/corps", {
        "corpid": corp_id, "secrets": {"contacts": "contact-secret"}, "callbackUrl": shop.url + path, "token": token,
        "aesKey": aes_key,
    })  # fmt: skip
    return Company(trading, shop, corp_id, token, aes_key, path)
