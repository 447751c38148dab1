"""Everything the environment may say, read once, here and nowhere else.

Unset means the development default; `storefront up` fills the URLs in when it starts its own servers.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tenants.kernel.encryption import KeyRing

SHORTEST_TOKEN_KEY = 32
"""Bytes: HS256 wants a key at least as long as its digest."""


class SettingInvalid(ValueError):
    """A setting cannot be understood; the message names it and says what is expected, never its value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, one field an environment variable (upper case)."""

    database_url: str | None = None
    """Where the application reads and writes, as app_rw."""
    database_report_url: str | None = None
    """Where long reads go; default: database_url."""
    database_worker_url: str | None = None
    """Where the worker works, as app_worker."""
    database_admin_url: str | None = None
    """Where migrations run, as app_migrator."""
    redis_url: str | None = None
    storefront_home: Path | None = None
    """State folder of the embedded servers."""
    storefront_master_keys: str | None = None
    """Master keys as `id:base64` separated by commas; the first seals new secrets."""
    storefront_token_key: str | None = None
    """Signs access tokens: at least 32 bytes, base64."""
    storefront_host: str = "127.0.0.1"
    storefront_port: int = 8000
    storefront_metrics_port: int = 9464
    storefront_workers: int = 1
    storefront_public_url: str | None = None
    """How WeChat reaches us: callbacks are registered under it. Default: the host and port above."""
    storefront_log_level: str = "INFO"
    wechat_pay_url: str = "https://api.mch.weixin.qq.com"
    wechat_api_url: str = "https://api.weixin.qq.com"
    wecom_url: str = "https://qyapi.weixin.qq.com"

    def key_ring(self) -> KeyRing:
        """The master keys for envelopes."""
        pairs = [entry.split(":", 1) for entry in (self.storefront_master_keys or "").split(",") if entry]
        try:
            keys = {name.strip(): base64.b64decode(value, validate=True) for name, value in pairs}
            return KeyRing(current=pairs[0][0].strip(), keys=keys)
        except (ValueError, IndexError) as error:
            raise SettingInvalid(
                "STOREFRONT_MASTER_KEYS must hold id:base64 pairs of 32-byte keys, separated by commas"
            ) from error

    def token_key(self) -> bytes:
        """The key that signs access tokens."""
        try:
            key = base64.b64decode(self.storefront_token_key or "", validate=True)
        except ValueError as error:
            raise SettingInvalid("STOREFRONT_TOKEN_KEY must be base64") from error
        if len(key) < SHORTEST_TOKEN_KEY:
            raise SettingInvalid("STOREFRONT_TOKEN_KEY must hold at least 32 bytes")
        return key

    def public_url(self) -> str:
        """The address under which the outside reaches us, without a trailing slash."""
        return (self.storefront_public_url or f"http://{self.storefront_host}:{self.storefront_port}").rstrip(
            "/"
        )


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (or the mapping given); an empty value counts as unset."""
    source = os.environ if environment is None else environment
    given = {name: source[name.upper()] for name in Settings.__struct_fields__ if source.get(name.upper())}
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingInvalid(f"a setting cannot be understood: {error}") from None


def _decode(wanted: type, value: object) -> object:
    if wanted is Path:
        return Path(str(value))
    raise NotImplementedError
