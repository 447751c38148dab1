"""WeChat Pay's bills: asked for, fetched at once from the short-lived address, compared with the announced digest, read.

The download's answer is not signed, so the digest, which came in a signed answer, is the only proof; it is of the file after gunzip.
"""

import hashlib
import zlib
from collections.abc import Callable
from datetime import date
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from orders.ports import Refused, Unknown
from settlement.reconciliation.bills import BillPending, FundBill, NothingBilled, SplitBill, TradeBill
from storefront.adapters.errors import BillDigestWrong, BillUnreadable
from storefront.adapters.wechat_pay import bill_rows
from storefront.adapters.wechat_pay.transport import Transport

Read = TypeVar("Read")
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
LARGEST_BILL = 512 * 1024 * 1024
"""Bytes, unpacked: some million rows. A file that unpacks to more is an attack or a mistake."""
NOTHING, BEING_MADE = "NO_STATEMENT_EXIST", "STATEMENT_CREATING"


class BillAddress(msgspec.Struct, frozen=True):
    """Where a bill is, and its digest."""

    download_url: str
    hash_type: str
    hash_value: str


class Bills:
    """One merchant's files: `settlement.reconciliation.bills.BillSource`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._sub = transport.credentials.sub

    async def trade_bill(self, day: date) -> TradeBill | NothingBilled | BillPending | Refused | Unknown:
        """Payments and accepted refunds of a Beijing day."""
        return await self._bill(f"/v3/bill/tradebill?{self._named(day)}&bill_type=ALL", bill_rows.trade_bill)

    async def fund_bill(self, day: date) -> FundBill | NothingBilled | BillPending | Refused | Unknown:
        """Movements of the basic account on a Beijing day; a sub-merchant's are not told to its service provider here."""
        if self._sub is not None:
            return Refused("NOT_OFFERED", "a sub-merchant's fund bill is its own")
        return await self._bill(
            f"/v3/bill/fundflowbill?{self._named(day)}&account_type=BASIC", bill_rows.fund_bill
        )

    async def split_bill(self, day: date) -> SplitBill | NothingBilled | BillPending | Refused | Unknown:
        """Successful splits and returns of a Beijing day."""
        return await self._bill(f"/v3/profitsharing/bills?{self._named(day)}", bill_rows.split_bill)

    def _named(self, day: date) -> str:
        sub = f"&sub_mchid={self._sub.mchid}" if self._sub else ""
        return f"bill_date={day.isoformat()}{sub}&tar_type=GZIP"

    async def _bill(
        self, path: str, read: Callable[[bytes], Read]
    ) -> Read | NothingBilled | BillPending | Refused | Unknown:
        address = await self._transport.ask("GET", path, kind=BillAddress)
        if isinstance(address, Refused):
            if address.code == NOTHING:
                return NothingBilled()
            return BillPending() if address.code == BEING_MADE else address
        if isinstance(address, Unknown):
            return address
        if address.hash_type != "SHA1":
            raise BillUnreadable(reason="an unknown kind of digest", kind=address.hash_type[:20])
        parts = urlsplit(address.download_url)
        # Path and query alone are taken: our signature goes to the gateway we were told to trust, whatever the address says.
        file = await self._transport.fetch(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return file if isinstance(file, Unknown) else read(unpacked(file, digest=address.hash_value))


def unpacked(file: bytes, *, digest: str) -> bytes:
    """The plain file, once its digest agrees; raises BillDigestWrong or BillUnreadable."""
    plain = plain_of(file)
    # SHA-1 is the channel's choice; the announcement itself is signed.
    if hashlib.sha1(plain, usedforsecurity=False).hexdigest() != digest.lower():
        raise BillDigestWrong(size=len(plain))
    return plain


def plain_of(file: bytes) -> bytes:
    """The file without its packing, if it is packed; raises BillUnreadable."""
    if not file.startswith(GZIP_MAGIC):
        return file
    unzip = zlib.decompressobj(GZIP_WINDOW)
    try:
        plain = unzip.decompress(file, LARGEST_BILL)
    except zlib.error as error:
        raise BillUnreadable(reason="not gzip") from error
    if not unzip.eof:
        raise BillUnreadable(reason="cut off, or too large")
    return plain
