"""What may be asked of the ground floor: structs that come in. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.hours import Span, WeeklySpan
from tenants.kernel.ids import MallId, MerchantId, OrganisationId, StoreGroupId, StoreId
from tenants.states import Ownership, StaffRole, StoreStatus

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x1f]+$")]
Slug = Annotated[str, Meta(min_length=2, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]
"""A moment with its zone."""
Basis = Annotated[int, Meta(ge=0, le=10_000)]
ZoneName = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z_+\-0-9]+(/[A-Za-z_+\-0-9]+)*$")]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


MerchantNo = Annotated[str, Meta(pattern=r"^[0-9]{6,20}$")]
Appid = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{6,40}$")]
CertificateSerial = Annotated[str, Meta(pattern=r"^[0-9A-F]{8,64}$")]
PrivateKey = Annotated[str, Meta(max_length=10_000)]
"""PEM."""
ApiV3Key = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{32}$")]
"""32 visible ASCII characters."""
EncodingAesKey = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{43}$")]
CallbackToken = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{3,32}$")]


class PartnerAccount(_Command, frozen=True):
    """服务商: the service provider that speaks for a merchant. With `brand_merchant_no` splitting goes by the chain's product."""

    merchant_no: MerchantNo
    """The provider's own (sp_mchid)."""
    appid: Appid
    """The provider's own (sp_appid)."""
    sub_appid: Appid | None = None
    """The brand's mini-program, where it is bound to the sub-merchant."""
    brand_merchant_no: MerchantNo | None = None
    """The chain's brand (brand_mchid): set it for 连锁品牌分账, leave it out for ordinary 分账."""


class MerchantKeys(_Command, frozen=True):
    """A merchant number at WeChat Pay with the keys to speak for it. Keys are sealed at once and never shown again."""

    merchant_no: MerchantNo
    """With a partner the sub-merchant's (sub_mchid); the keys are then the partner's."""
    legal_name: Name
    certificate_serial: CertificateSerial
    private_key: PrivateKey
    api_v3_key: ApiV3Key
    wechat_public_keys: dict[str, str] = msgspec.field(default_factory=dict)
    """Serial (PUB_KEY_ID_… or a platform certificate's) -> PEM."""
    fee_bps: Basis = 60
    partner: PartnerAccount | None = None


class ProviderKeys(_Command, frozen=True):
    """The keys with which whoever speaks for a merchant signs and opens."""

    certificate_serial: CertificateSerial
    private_key: PrivateKey
    api_v3_key: ApiV3Key
    wechat_public_keys: dict[str, str] = msgspec.field(default_factory=dict)


class SpeakThrough(_Command, frozen=True):
    """Let a service provider speak for a merchant from now on (`partner` null: the merchant itself), with these keys if they change too."""

    partner: PartnerAccount | None
    merchant_no: MerchantNo | None = None
    """Which merchant; the default one when left out."""
    keys: ProviderKeys | None = None


class ConnectWecom(_Command, frozen=True):
    """A corp in WeCom, and what its callback address is configured with there."""

    corp_id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{2,64}$")]
    contact_secret: Annotated[str, Meta(min_length=8, max_length=128)]
    """The secret of the application that looks after external contacts (客户联系)."""
    callback_token: CallbackToken
    encoding_aes_key: EncodingAesKey


class ConnectPush(_Command, frozen=True):
    """What the mini-program's message push (消息推送) is configured with; with a key, messages that are not sealed are refused."""

    token: CallbackToken
    encoding_aes_key: EncodingAesKey | None = None


class CreateTenant(_Command, frozen=True):
    """Open a brand's isolated space."""

    code: Slug
    name: Name
    appid: Appid
    app_secret: Annotated[str, Meta(min_length=8, max_length=128)]
    merchant: MerchantKeys
    time_zone: ZoneName = "Asia/Shanghai"
    platform_fee_bps: Basis = 0
    org_id: OrganisationId | None = None
    wecom: ConnectWecom | None = None
    push: ConnectPush | None = None


class EmployStaff(_Command, frozen=True):
    """Give a person a log-in and a role."""

    login: Annotated[str, Meta(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]
    name: Name
    password: Annotated[str, Meta(min_length=10, max_length=200)]
    role: StaffRole
    store_id: StoreId | None = None
    mall_id: MallId | None = None


class OpenStore(_Command, frozen=True):
    """Open a store, or change what is known of it (same code)."""

    code: Code
    name: Name
    group_id: StoreGroupId | None = None
    merchant_id: MerchantId | None = None
    mall_id: MallId | None = None
    mall_floor: Annotated[str, Meta(max_length=40)] | None = None
    ownership: Ownership = Ownership.DIRECT
    status: StoreStatus = StoreStatus.OPEN
    is_flagship: bool = False
    pickup_offered: bool = True
    province: Annotated[str, Meta(max_length=60)] | None = None
    city: Annotated[str, Meta(max_length=60)] | None = None
    district: Annotated[str, Meta(max_length=60)] | None = None
    address: Annotated[str, Meta(max_length=300)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    phone: Annotated[str, Meta(max_length=60)] | None = None
    time_zone: ZoneName | None = None
    business_day_starts: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"
    active_from: Instant | None = None
    active_to: Instant | None = None
    wechat_store_no: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None
    """The number under which WeChat knows the store (支付即服务 wants it)."""


class SetHours(_Command, frozen=True):
    """Set opening hours at one level (brand, group or store): a weekly table and the dates that differ."""

    weekly: list[WeeklySpan] | None = None
    exceptions: dict[str, list[Span]] = msgspec.field(default_factory=dict)
    """ISO date -> spans; an empty list is a closed day."""
    source_text: Annotated[str, Meta(max_length=1000)] | None = None


class NameGroup(_Command, frozen=True):
    """Make a store group."""

    code: Code
    name: Name


class RegisterMall(_Command, frozen=True):
    """Make a mall known. Malls are shared by all brands: an existing code keeps what it says."""

    code: Code
    name: Name
    province: Annotated[str, Meta(max_length=60)] | None = None
    city: Annotated[str, Meta(max_length=60)] | None = None
    district: Annotated[str, Meta(max_length=60)] | None = None
    address: Annotated[str, Meta(max_length=300)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
