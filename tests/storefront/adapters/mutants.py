"""WeChat as a sender of callbacks, genuine and altered in every way that P9 names and a message can carry."""

import base64
import json
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Letter = tuple[dict[str, str], bytes]


class Sender:
    """WeChat, for one merchant: signs with its own key and seals with the merchant's."""

    def __init__(self, key, *, serial: str, api_v3_key: str) -> None:
        self.key, self.serial, self.api_v3_key = key, serial, api_v3_key

    def letter(self, told: dict, *, at: datetime, id_: str = "N-1", twice: bool = False, **changes) -> Letter:
        plain = json.dumps(told).encode()
        if twice:
            plain = plain.replace(b'{"', b'{"mchid": "1", "', 1)
        sealed = AESGCM(self.api_v3_key.encode()).encrypt(b"twelve-bytes", plain, b"transaction")
        resource = {
            "algorithm": "AEAD_AES_256_GCM",
            "original_type": "transaction",
            "ciphertext": base64.b64encode(sealed).decode(),
            "nonce": "twelve-bytes",
            "associated_data": "transaction",
        }
        body = {
            "id": id_,
            "create_time": at.isoformat(),
            "event_type": "TRANSACTION.SUCCESS",
            "resource": resource,
        }
        return self.signed(json.dumps(body | changes).encode(), at=at)

    def signed(self, body: bytes, *, at: datetime) -> Letter:
        stamp = str(int(at.timestamp()))
        message = f"{stamp}\nnonce-1\n".encode() + body + b"\n"
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": "nonce-1",
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Serial": self.serial,
        }, body


def mutants(sender: Sender, told: dict, *, seed: int, now: datetime) -> Iterator[Letter]:
    """Altered copies of one genuine callback; every kind of P9 that the message itself can carry."""
    draw = random.Random(seed)
    headers, body = sender.letter(told, at=now)
    begun = time.monotonic()

    def stale() -> Letter:
        # Signed when it is sent: what was 301 seconds ahead becomes genuine by waiting.
        passed = timedelta(seconds=time.monotonic() - begun)
        return sender.letter(told, at=now + passed + timedelta(seconds=draw.choice([-301, -86_400, 302])))

    others = [
        sender.letter({**told, "mchid": "1900000009"}, at=now),
        sender.letter({**told, "appid": "wxother"}, at=now),
        sender.letter(told, at=now, twice=True),
        sender.letter({**told, "trade_state": None}, at=now),
        sender.letter({"hello": "world"}, at=now),
        sender.signed(b"\xff\xfe\x00", at=now),
        sender.signed(b"[" * 20_000, at=now),
        sender.signed(body.replace(b'"id"', b'"id": "N-0", "id"', 1), at=now),
        sender.signed(b"x" * 1_000_000, at=now),
    ]
    while True:
        kind = draw.randrange(10)
        if kind < 4:
            changed = bytearray(body)
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
            yield headers, bytes(changed)
        elif kind < 6:
            name = draw.choice(list(headers))
            value, place = headers[name], draw.randrange(len(headers[name]))
            bit = chr((ord(value[place]) ^ 1 << draw.randrange(5)) & 0x7F)
            altered = value[:place] + (bit if bit.isprintable() else "x") + value[place + 1 :]
            if altered == value:
                continue
            yield headers | {name: altered}, body
        elif kind == 6:
            gone = draw.choice(list(headers))
            yield {name: value for name, value in headers.items() if name != gone}, body
        elif kind == 7:
            yield stale()
        elif kind == 8 and draw.random() < 0.2:
            yield draw.choice(others)
        elif kind == 8:
            yield headers | {"Wechatpay-Serial": f"PUB_KEY_ID_{draw.randrange(10**30)}"}, body
        else:
            yield (
                headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]},
                body,
            )
