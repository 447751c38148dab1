"""Control of who there is: merchants with and without keys, people with names, mini-programs, platform certificates."""

from datetime import timedelta
from typing import Annotated, Literal

from cryptography import x509
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct, field

from storefront.simulators.control_frame import DAY_SECONDS, Command, ControlRefusal, Name, Part, commanded
from storefront.simulators.records import Merchant, PlatformCertificate
from storefront.simulators.wechat_mini.records import App
from storefront.simulators.wechat_pay import envelope

Url = Annotated[str, Meta(pattern=r"^https?://", max_length=255)]
ORDINARY_FREEZE_DAYS, BRAND_FREEZE_DAYS = 30, 180


class RegisterMerchant(Command, kw_only=True):
    """Open (or change) a merchant; times are business time.

    `publicKey` is a PEM public key or certificate; without one the merchant cannot call, and can be a sub-merchant or a receiver.
    `provider` makes it a service provider's sub-merchant, `brand` a chain's (the brand itself names itself).
    """

    mchid: Name
    appid: Name | None = None
    public_key: str = ""
    certificate_serial: str = ""
    keep_older_keys: bool = False
    api_v3_key: Annotated[str, Meta(pattern=r"^([\x21-\x7e]{32})?$")] = ""
    legal_name: Annotated[str, Meta(max_length=256)] = ""
    provider: Name | None = None
    brand: Name | None = None
    fee_bps: Annotated[int, Meta(ge=0, le=10_000)] = 60
    refund_seconds: Annotated[int, Meta(ge=0)] = 2
    settle_seconds: Annotated[int, Meta(ge=0)] = DAY_SECONDS
    split_wait_seconds: Annotated[int, Meta(ge=0)] = 60
    split_seconds: Annotated[int, Meta(ge=0)] = 2
    return_seconds: Annotated[int, Meta(ge=0)] = 0
    freeze_days: Annotated[int, Meta(ge=1, le=365)] | None = None
    max_ratio_bps: Annotated[int, Meta(ge=0, le=10_000)] = 3000
    accepts_returns: bool = False
    split_notify_url: Url | None = None
    split_event: Literal["TRANSACTION", "PROFITSHARING"] = "TRANSACTION"
    certificates: bool = True
    wechat_key_id: Annotated[str, Meta(pattern=r"^PUB_KEY_ID_[0-9A-Za-z]+$")] | None = None
    wechat_private_key: str | None = None


class RegisteredMerchant(Struct, rename="camel"):
    """What the merchant needs to verify WeChat: the public key, and the platform certificate where it still has one."""

    mchid: str
    public_key_id: str
    public_key: str
    certificate_serial: str | None
    certificate: str | None


class RegisterPerson(Command, kw_only=True):
    """Say which real name stands behind an openid; without a name the person is not verified."""

    openid: Name
    name: Annotated[str, Meta(max_length=64)] = ""


class RegisterApp(Command, kw_only=True):
    """Open (or change) a mini-program; without pages, every page exists."""

    appid: Name
    secret: Annotated[str, Meta(min_length=1, max_length=128)]
    trade_managed: bool = False
    pages: list[str] = field(default_factory=list)
    push_url: Url | None = None
    push_token: str = ""
    push_aes_key: Annotated[str, Meta(pattern=r"^([0-9A-Za-z]{43})?$")] = ""


class RotateCertificate(Command, kw_only=True):
    """Bring a new platform certificate: listed at once, signing later, and the old one listed a while longer."""

    signs_after_seconds: Annotated[int, Meta(ge=0)] = 0
    overlap_seconds: Annotated[int, Meta(ge=0)] = 10 * DAY_SECONDS


class Merchants(Part):
    """Carries out commands about who there is."""

    def register(self, command: RegisterMerchant) -> RegisteredMerchant:
        """Keep the merchant's public half, make WeChat's halves once; registering again changes the merchant's side only."""
        if command.public_key:
            _check_key(command.public_key)
        if not self.state.platforms:
            self.state.platforms.append(self._new_platform())
        known = self.state.merchants.get(command.mchid) or self._opened(command)
        if command.appid is not None:
            known.appids = sorted({*known.appids, command.appid})
        older = known.older_keys | {known.certificate_serial: known.public_key}
        known.older_keys = older if command.keep_older_keys else {}
        known.certificate_serial = command.certificate_serial or _serial_of(command.public_key)
        for name in (
            "public_key", "api_v3_key", "legal_name", "provider", "brand", "fee_bps", "refund_seconds", "settle_seconds",
            "split_wait_seconds", "split_seconds", "return_seconds", "max_ratio_bps", "accepts_returns", "split_notify_url",
            "split_event", "certificates",
        ):  # fmt: skip
            setattr(known, name, getattr(command, name))
        usual = BRAND_FREEZE_DAYS if command.brand else ORDINARY_FREEZE_DAYS
        known.freeze_days = command.freeze_days or usual
        return self._registered(known)

    def _opened(self, command: RegisterMerchant) -> Merchant:
        private, public = envelope.new_key_pair()
        if command.wechat_private_key is not None:
            try:
                private, public = command.wechat_private_key, envelope.public_half(command.wechat_private_key)
            except (ValueError, TypeError):
                raise ControlRefusal(422, "KEY_UNREADABLE") from None
        made = self.state.merchants[command.mchid] = Merchant(
            mchid=command.mchid,
            wechat_key_id=command.wechat_key_id or f"PUB_KEY_ID_01{self.simulation.draw_digits('key', 28)}",
            wechat_public_key=public,
            wechat_private_key=private,
        )
        return made

    def _registered(self, known: Merchant) -> RegisteredMerchant:
        now = self.simulation.clock.now()
        platform = envelope.signing_platform(self.state, now=now) if known.certificates else None
        return RegisteredMerchant(
            mchid=known.mchid,
            public_key_id=known.wechat_key_id,
            public_key=known.wechat_public_key,
            certificate_serial=platform.serial if platform else None,
            certificate=platform.certificate if platform else None,
        )

    def _new_platform(self) -> PlatformCertificate:
        serial = "5" + self.simulation.draw("platform")[:39]
        return envelope.new_platform(serial, now=self.simulation.clock.now())

    def rotate(self, command: RotateCertificate) -> dict[str, object]:
        """Bring a new platform certificate."""
        now = self.simulation.clock.now()
        fresh = self._new_platform()
        fresh.signs_from = now + timedelta(seconds=command.signs_after_seconds)
        for older in self.state.platforms:
            older.expires_at = min(
                older.expires_at, fresh.signs_from + timedelta(seconds=command.overlap_seconds)
            )
        self.state.platforms.append(fresh)
        return {
            "certificateSerial": fresh.serial,
            "certificate": fresh.certificate,
            "signsFrom": fresh.signs_from,
        }

    def register_person(self, command: RegisterPerson) -> dict[str, object]:
        """Keep a person's name."""
        self.state.persons[command.openid] = command.name
        return {"openid": command.openid}

    def register_app(self, command: RegisterApp) -> dict[str, object]:
        """Keep the app."""
        self.state.apps[command.appid] = App(
            appid=command.appid,
            secret=command.secret,
            trade_managed=command.trade_managed,
            pages=command.pages,
            push_url=command.push_url,
            push_token=command.push_token,
            push_aes_key=command.push_aes_key,
        )
        return {"appid": command.appid}


def _check_key(pem: str) -> None:
    try:
        envelope.public_key(pem)
    except ValueError:
        raise ControlRefusal(422, "KEY_UNREADABLE") from None


def _serial_of(pem: str) -> str:
    if "BEGIN CERTIFICATE" not in pem:
        return ""
    return f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:X}"


def merchant_routes(part: Merchants) -> list[HTTPRouteHandler]:
    """The paths of this part."""
    return [
        commanded(part, "/simulator/merchants", kind=RegisterMerchant, work=part.register),
        commanded(part, "/simulator/persons", kind=RegisterPerson, work=part.register_person),
        commanded(part, "/simulator/apps", kind=RegisterApp, work=part.register_app),
        commanded(part, "/simulator/certificates/rotate", kind=RotateCertificate, work=part.rotate),
    ]
