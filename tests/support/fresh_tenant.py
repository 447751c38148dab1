"""A tenant of its own for each test: the isolation between tests. Opened by the product's own verb, with a merchant's real keys."""

from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tenants.commands import CreateTenant, MerchantKeys
from tenants.create import create_tenant
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id, random_code
from tenants.kernel.scope import Database, TenantScope


@cache
def merchant_key() -> str:
    """One private key for the whole run: making it takes a tenth of a second, and no test depends on its being fresh."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def opening(*, name: str = "春序服饰") -> CreateTenant:
    """What opens a brand that clashes with no other."""
    return CreateTenant(
        code=f"brand-{random_code(10).lower()}",
        name=name,
        appid=f"wx{random_code(16).lower()}",
        app_secret=random_code(32),
        merchant=MerchantKeys(
            merchant_no=str(10**9 + new_id().int % 10**9),
            legal_name=f"{name}有限公司",
            certificate_serial="5157F09EFDC096DE",
            private_key=merchant_key(),
            api_v3_key=random_code(32),
        ),
    )


async def make_tenant(database: Database, *, keys: KeyRing, name: str = "春序服饰") -> TenantScope:
    """A new, empty brand that can be found by all its identifiers."""
    tenant = database.tenant(TenantId(new_id()))
    async with tenant.writing() as db:
        await create_tenant(db, opening(name=name), now=datetime.now(UTC), keys=keys)
    return tenant
