"""Merchants around a till: a mall to split to, a service provider with its sub-merchant, a chain's brand."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from settlement.ports import Receiver, ReturnRequest, SplitPart, SplitRequest, UnfreezeRequest
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.adapters.wechat_pay.keys import MerchantCredentials, SubMerchant
from storefront.simulators.remote import SimulatorControl
from tenants.kernel.money import Fen
from tests.storefront.simulators.till import API_V3_KEY, SERIAL, Till, now

LEGAL_NAME = "星河商业管理有限公司"


def fresh_mchid() -> str:
    return f"19{secrets.randbelow(10**8):08d}"


def number(prefix: str) -> str:
    return prefix + secrets.token_hex(8)


async def open_receiver(control: SimulatorControl, **options: object) -> str:
    """A merchant that can be split to."""
    mchid = fresh_mchid()
    await control.command(
        "merchants", mchid=mchid, legal_name=LEGAL_NAME, **{"accepts_returns": True, **options}
    )
    return mchid


def receiver(mchid: str, **changes: object) -> Receiver:
    return Receiver(**{"account": mchid, "name": LEGAL_NAME, **changes})


def part(mchid: str, amount: int, **changes: object) -> SplitPart:
    return SplitPart(**{"account": mchid, "amount_fen": Fen(amount), "description": "联营扣点", **changes})


def split_of(transaction_id: str, *parts: SplitPart, finish: bool = False) -> SplitRequest:
    return SplitRequest(transaction_id=transaction_id, split_no=number("S"), parts=list(parts), finish=finish)


def unfreeze_of(transaction_id: str) -> UnfreezeRequest:
    return UnfreezeRequest(transaction_id=transaction_id, unfreeze_no=number("U"), description="完结分账")


def return_of(split_no: str, mchid: str, amount: int) -> ReturnRequest:
    return ReturnRequest(
        split_no=split_no,
        return_no=number("R"),
        merchant_no=mchid,
        amount_fen=Fen(amount),
        description="退货",
    )


async def paid_for_splitting(till: Till, total: int = 10_000, *, wait_seconds: float = 61) -> str:
    """A marked payment that may be split; gives WeChat's number."""
    request = await till.paid(total, profit_sharing=True)
    await till.control.advance(wait_seconds)
    return (await till.channel.look_up(request.payment_no)).transaction_id


@dataclass
class Chain:
    """A service provider, and a sub-merchant it speaks for."""

    till: Till
    sub_mchid: str
    sub_appid: str | None


async def open_partner(
    control: SimulatorControl,
    http,
    *,
    merchant_key,
    notify_url: str,
    brand: bool = False,
    own_app: bool = True,
    **options: object,
) -> Chain:
    """A till that speaks as a service provider for a sub-merchant (with `brand` of a chain that it is itself the brand of)."""
    provider, appid = fresh_mchid(), "wx" + secrets.token_hex(8)
    registered = await control.register_merchant(
        mchid=provider,
        appid=appid,
        public_key=merchant_key[1],
        certificate_serial=SERIAL,
        api_v3_key=API_V3_KEY,
    )
    sub, sub_appid = fresh_mchid(), "wx" + secrets.token_hex(8) if own_app else None
    more = {"brand": sub} if brand else {}
    more |= {"appid": sub_appid} if own_app else {}
    await control.command(
        "merchants", mchid=sub, legal_name="春序连锁有限公司", provider=provider, **more, **options
    )
    parts = {
        "mchid": provider,
        "appid": appid,
        "private_key_pem": merchant_key[0],
        "certificate_serial": SERIAL,
        "api_v3_key": API_V3_KEY.encode(),
        "verification_keys": {registered.public_key_id: registered.public_key},
        "notify_url": notify_url,
        "sub": SubMerchant(mchid=sub, appid=sub_appid, brand_mchid=sub if brand else None),
    }
    credentials = MerchantCredentials(**parts)
    channel = WechatPayChannel(credentials, http, base_url=control.url, now=now)
    return Chain(Till(control, http, parts, credentials, channel), sub, sub_appid)


async def next_morning(control: SimulatorControl):
    """Go to noon of the next Beijing day; gives the day before it."""
    begin = (await control.advance(0)).astimezone(UTC) + timedelta(hours=8)
    noon = datetime.combine(begin.date() + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
    await control.advance((noon - begin).total_seconds())
    return begin.date()
