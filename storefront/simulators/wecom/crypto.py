"""WeCom's callback envelope: SHA1 over the sorted parts, AES-256-CBC with PKCS#7 to blocks of 32, the corp's id at the end."""

import base64
import hashlib
import struct
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from storefront.simulators.wecom.records import Corp

BLOCK = 32


def encrypt(corp: Corp, text: str, *, salt: bytes) -> str:
    """Encrypt a message; `salt` is the 16 bytes in front."""
    key = base64.b64decode(corp.aes_key + "=")
    raw = text.encode()
    plain = salt + struct.pack(">I", len(raw)) + raw + corp.corpid.encode()
    fill = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()).decode()


def signature(corp: Corp, encrypted: str, *, stamp: int, nonce: str) -> str:
    """The msg_signature."""
    text = "".join(sorted([corp.token, str(stamp), nonce, encrypted]))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def wecom_query(corp: Corp, encrypted: str, *, stamp: int, nonce: str) -> str:
    """What is appended to the callback address."""
    signed = signature(corp, encrypted, stamp=stamp, nonce=nonce)
    return urlencode({"msg_signature": signed, "timestamp": stamp, "nonce": nonce})


def wrap(corp: Corp, encrypted: str) -> str:
    """The XML that is posted."""
    return (
        f"<xml><ToUserName><![CDATA[{corp.corpid}]]></ToUserName>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt><AgentID><![CDATA[]]></AgentID></xml>"
    )


def event_xml(corp: Corp, fields: dict[str, str | int]) -> str:
    """An event's plain XML."""
    head: dict[str, str | int] = {"ToUserName": corp.corpid, "FromUserName": "sys", "MsgType": "event"}
    parts = [
        f"<{name}>{value}</{name}>"
        if isinstance(value, int)
        else f"<{name}><![CDATA[{escape(value)}]]></{name}>"
        for name, value in (head | fields).items()
    ]
    return f"<xml>{''.join(parts)}</xml>"


def encrypted_of(body: str) -> str:
    """The encrypted text inside posted XML of ours."""
    return body.split("<Encrypt><![CDATA[", 1)[1].split("]]>", 1)[0]
