"""A demonstration merchant: a key pair made on the spot and made known to the simulator, which answers with its own keys."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from storefront.demo.shapes import DemoBrand
from storefront.simulators.remote import SimulatorControl
from tenants.commands import CreateTenant, MerchantKeys
from tenants.kernel.ids import random_code

RSA_BITS = 2048
FEE_BPS = 60


async def demo_tenant(brand: DemoBrand, simulator: SimulatorControl) -> CreateTenant:
    """Register the brand's app and merchant with the simulator; return what opens the tenant."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    app_secret, api_v3_key = random_code(32), random_code(32)
    legal_name = f"{brand.name}（演示）有限公司"
    serial = f"{brand.number:08X}{'D' * 32}"
    await simulator.register_app(appid=brand.appid, secret=app_secret)
    registered = await simulator.register_merchant(
        mchid=brand.merchant_no,
        appid=brand.appid,
        public_key=_public_pem(key),
        certificate_serial=serial,
        api_v3_key=api_v3_key,
        legal_name=legal_name,
        fee_bps=FEE_BPS,
    )
    merchant = MerchantKeys(
        merchant_no=brand.merchant_no,
        legal_name=legal_name,
        certificate_serial=serial,
        private_key=_private_pem(key),
        api_v3_key=api_v3_key,
        wechat_public_keys={registered.public_key_id: registered.public_key},
        fee_bps=FEE_BPS,
    )
    return CreateTenant(
        code=brand.code,
        name=brand.name,
        appid=brand.appid,
        app_secret=app_secret,
        merchant=merchant,
        platform_fee_bps=brand.platform_fee_bps,
    )


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()
