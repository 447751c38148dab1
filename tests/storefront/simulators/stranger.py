"""A stranger's client: signs and verifies by the protocol with its own few lines, so that neither adapter nor simulator marks its own work."""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storefront.simulators.remote import SimulatorControl

API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
SERIAL = "4A5B6C7D8E9F"
DAY = 86_400
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


@cache
def private_key(pem: str):
    return serialization.load_pem_private_key(pem.encode(), None)


@cache
def public_key(pem: str):
    return serialization.load_pem_public_key(pem.encode())


def number(prefix: str = "P") -> str:
    return prefix + secrets.token_hex(10)


def part(receiver: "Merchant | str", amount: int, kind: str = "MERCHANT_ID") -> dict:
    account = receiver if isinstance(receiver, str) else receiver.mchid
    return {"type": kind, "account": account, "amount": amount, "description": "联营分成"}


@dataclass
class Merchant:
    """A merchant with keys, or a mere receiver without."""

    control: SimulatorControl
    http: httpx.AsyncClient
    mchid: str
    appid: str
    private_pem: str = ""
    key_id: str = ""
    wechat_pem: str = ""
    name: str = ""
    sub: dict = field(default_factory=dict)

    @classmethod
    async def open(cls, control, http, *, key=("", ""), **options) -> "Merchant":
        mchid, appid = f"19{secrets.randbelow(10**8):08d}", "wx" + secrets.token_hex(8)
        name = options.pop("legal_name", f"商户{mchid}有限公司")
        if options.get("brand") == "self":
            options["brand"] = mchid
        known = await control.register_merchant(
            mchid=mchid, appid=appid, public_key=key[1], certificate_serial=SERIAL if key[1] else "",
            api_v3_key=API_V3_KEY if key[1] else "", legal_name=name, **options,
        )  # fmt: skip
        return cls(control, http, mchid, appid, key[0], known.public_key_id, known.public_key, name)

    def header(self, verb: str, target: str, body: bytes) -> str:
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        message = f"{verb}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        key = private_key(self.private_pem)
        signature = base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()
        pairs = {
            "mchid": self.mchid,
            "nonce_str": nonce,
            "timestamp": stamp,
            "serial_no": SERIAL,
            "signature": signature,
        }
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in pairs.items())

    async def send(self, verb: str, target: str, body: dict | None = None) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.header(verb, target, raw), "Wechatpay-Serial": self.key_id}
        return await self.http.request(verb, self.control.url + target, content=raw, headers=headers)

    async def call(self, verb: str, target: str, body: dict | None = None) -> dict:
        """One call; the answer's signature must be right; a refusal comes as its code and message."""
        answer = await self.send(verb, target, body)
        given = answer.headers
        message = (
            f"{given['Wechatpay-Timestamp']}\n{given['Wechatpay-Nonce']}\n".encode() + answer.content + b"\n"
        )
        assert given["Wechatpay-Serial"] == self.key_id
        key = public_key(self.wechat_pem)
        key.verify(
            base64.b64decode(given["Wechatpay-Signature"]), message, padding.PKCS1v15(), hashes.SHA256()
        )
        return answer.json() if answer.content else {}

    def sealed(self, text: str) -> str:
        key = public_key(self.wechat_pem)
        return base64.b64encode(key.encrypt(text.encode(), OAEP)).decode()

    async def prepaid(
        self, total: int = 10_000, *, number_: str | None = None, shared: bool = True, **more
    ) -> str:
        no = number_ or number()
        body = {
            "description": "春季外套", "out_trade_no": no, "notify_url": "http://127.0.0.1:9/paid",
            "amount": {"total": total, "currency": "CNY"}, "settle_info": {"profit_sharing": shared}, **more,
        }  # fmt: skip
        if self.sub:
            body |= {
                "sp_appid": self.appid,
                "sp_mchid": self.mchid,
                "payer": {"sp_openid": "o-shopper"},
                **self.sub,
            }
            target = "/v3/pay/partner/transactions/jsapi"
        else:
            body |= {"appid": self.appid, "mchid": self.mchid, "payer": {"openid": "o-shopper"}}
            target = "/v3/pay/transactions/jsapi"
        assert "prepay_id" in await self.call("POST", target, body)
        return no

    async def paid(
        self, total: int = 10_000, *, wait_seconds: int = 60, coupons=None, **more
    ) -> tuple[str, str]:
        """A paid payment's number and transaction id, a minute later."""
        no = await self.prepaid(total, **more)
        found = await self.control.pay(payment_no=no, mchid=self.mchid, wait=False, coupons=coupons)
        await self.control.advance(wait_seconds)
        return no, found["transactionId"]

    async def relate(self, *receivers: "Merchant", **more) -> None:
        for receiver in receivers:
            body = {
                "appid": self.appid, "type": "MERCHANT_ID", "account": receiver.mchid, "relation_type": "PARTNER",
                "name": self.sealed(receiver.name), **self.sub, **more,
            }  # fmt: skip
            assert "code" not in await self.call("POST", "/v3/profitsharing/receivers/add", body)

    async def split(
        self, transaction_id: str, parts: list[dict], *, no: str | None = None, unfreeze=False
    ) -> dict:
        body = {
            "appid": self.appid, "transaction_id": transaction_id, "out_order_no": no or number("S"),
            "receivers": parts, "unfreeze_unsplit": unfreeze, **self.sub,
        }  # fmt: skip
        return await self.call("POST", "/v3/profitsharing/orders", body)

    async def split_now(self, transaction_id: str, parts: list[dict], **more) -> dict:
        """Split, wait, and see what became of it."""
        made = await self.split(transaction_id, parts, **more)
        assert made["state"] == "PROCESSING", made
        await self.control.advance(2)
        return await self.look_up_split(made)

    async def look_up_split(self, made: dict) -> dict:
        query = f"?transaction_id={made['transaction_id']}" + "".join(
            f"&{k}={v}" for k, v in self.sub.items()
        )
        return await self.call("GET", f"/v3/profitsharing/orders/{made['out_order_no']}{query}")

    async def unfreeze(self, transaction_id: str, *, no: str | None = None) -> dict:
        body = {
            "transaction_id": transaction_id,
            "out_order_no": no or number("U"),
            "description": "完结",
            **self.sub,
        }
        return await self.call("POST", "/v3/profitsharing/orders/unfreeze", body)

    async def unsplit(self, transaction_id: str) -> int:
        return (await self.call("GET", f"/v3/profitsharing/transactions/{transaction_id}/amounts"))[
            "unsplit_amount"
        ]

    async def give_back(
        self, made: dict, receiver: "Merchant | str", amount: int, *, no: str | None = None
    ) -> dict:
        account = receiver if isinstance(receiver, str) else receiver.mchid
        body = {
            "out_order_no": made["out_order_no"], "out_return_no": no or number("R"), "return_mchid": account,
            "amount": amount, "description": "退货", **self.sub,
        }  # fmt: skip
        return await self.call("POST", "/v3/profitsharing/return-orders", body)

    async def refund(
        self, no: str, fen: int, *, total: int = 10_000, refund_no: str | None = None, **more
    ) -> dict:
        body = {
            "out_trade_no": no, "out_refund_no": refund_no or number("T"),
            "amount": {"refund": fen, "total": total, "currency": "CNY"}, **self.sub, **more,
        }  # fmt: skip
        return await self.call("POST", "/v3/refund/domestic/refunds", body)

    async def account(self) -> dict:
        books = await self.control.books()
        assert books["conservation"]["balanced"], books["conservation"]
        (found,) = [each for each in books["merchants"] if each["mchid"] == self.mchid]
        return found

    async def bill(self, kind: str, day: str, *, zipped: bool = False) -> dict:
        places = {"FUND": "/v3/bill/fundflowbill?", "SPLIT": "/v3/profitsharing/bills?"}
        target = places.get(kind, f"/v3/bill/tradebill?bill_type={kind}&") + f"bill_date={day}"
        return await self.call("GET", target + ("&tar_type=GZIP" if zipped else ""))

    async def fetch(self, url: str) -> httpx.Response:
        """Download a bill, signed like every call."""
        parts = urlsplit(url)
        return await self.send("GET", f"{parts.path}?{parts.query}")


def opened(body: bytes) -> dict:
    """What a callback's sealed resource says."""
    resource = json.loads(body)["resource"]
    plain = AESGCM(API_V3_KEY.encode()).decrypt(
        resource["nonce"].encode(),
        base64.b64decode(resource["ciphertext"]),
        resource["associated_data"].encode(),
    )
    return json.loads(plain)
