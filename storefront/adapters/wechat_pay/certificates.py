"""WeChat's platform certificates: downloaded, opened with the APIv3 key, and only then used to verify the answer that brought them.

A new certificate's answer is signed with a key nobody here knows yet. What proves it is the seal: only WeChat and the merchant hold the
APIv3 key. Merchants on the public key alone have no certificates; for them the list is empty.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from orders.ports import Refused, Unknown
from storefront.adapters.errors import CallbackUnverified, CredentialsUnreadable, SignatureWrong
from storefront.adapters.wechat_pay import messages
from storefront.adapters.wechat_pay.keys import read_trusted, verify_with
from storefront.adapters.wechat_pay.transport import Done, Transport

CERTIFICATES = "/v3/certificates"
NONE_HERE = "RESOURCE_NOT_EXISTS"


class PlatformCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that WeChat signs with, within its period."""

    serial: str
    pem: str
    begins_at: datetime
    ends_at: datetime


class _Sealed(msgspec.Struct, frozen=True):
    serial_no: str
    encrypt_certificate: messages.SealedResource


class _List(msgspec.Struct, frozen=True):
    data: list[_Sealed]


class Certificates:
    """One merchant's view of WeChat's certificates."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._credentials = transport.credentials

    async def download(self) -> list[PlatformCertificate] | Refused | Unknown:
        """All certificates that are or will be valid; during a rotation two."""
        answer = await self._transport.call("GET", CERTIFICATES, trust=self._trust)
        if isinstance(answer, Refused) and answer.code == NONE_HERE:
            return []
        if not isinstance(answer, Done):
            return answer
        try:
            return self._opened(answer.body)
        except (msgspec.MsgspecError, CallbackUnverified, CredentialsUnreadable):
            return Unknown("the certificates cannot be read")

    def _opened(self, body: bytes) -> list[PlatformCertificate]:
        found = []
        for each in msgspec.json.decode(body, type=_List).data:
            sealed = each.encrypt_certificate
            pem = self._credentials.unseal(
                ciphertext=sealed.ciphertext, nonce=sealed.nonce, associated=sealed.associated
            )
            trusted = read_trusted(pem, mchid=self._credentials.mchid, serial=each.serial_no)
            if trusted.begins_at is None or trusted.ends_at is None:
                raise CredentialsUnreadable(mchid=self._credentials.mchid, part=each.serial_no)
            found.append(
                PlatformCertificate(
                    serial=each.serial_no,
                    pem=pem.decode("ascii", errors="replace"),
                    begins_at=trusted.begins_at,
                    ends_at=trusted.ends_at,
                )
            )
        return found

    def _trust(self, headers: Mapping[str, str], body: bytes) -> None:
        try:
            brought = [
                read_trusted(each.pem, mchid=self._credentials.mchid, serial=each.serial)
                for each in self._opened(body)
            ]
        except (msgspec.MsgspecError, CredentialsUnreadable):
            # A refusal, or something else: then only a key that is known already can speak for it.
            brought = []
        except CallbackUnverified as error:
            raise SignatureWrong(reason="the certificates do not open with the APIv3 key") from error
        trusted = {key.serial: key for key in (*self._credentials.trusted(), *brought)}
        verify_with(headers, body, keys=trusted, now=self._transport.now())
