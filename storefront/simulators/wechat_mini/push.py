"""The mini-program's message push: JSON whose address carries a signature over token, time and nonce; with a key the body is sealed, too.

Sealed bodies are the same family as WeCom's, with the appid at the end.
"""

import hashlib
from urllib.parse import urlencode

import msgspec

from storefront.simulators.wechat_mini.records import App
from storefront.simulators.wecom import crypto
from storefront.simulators.wecom.records import Corp


def push_signature(app: App, *, stamp: int, nonce: str) -> str:
    """The signature; the body is not part of it."""
    text = "".join(sorted([app.push_token, str(stamp), nonce]))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def push_query(app: App, body: str, *, stamp: int, nonce: str) -> str:
    """What is appended to the push address."""
    query = {"signature": push_signature(app, stamp=stamp, nonce=nonce), "timestamp": stamp, "nonce": nonce}
    if app.push_aes_key:
        sealed = str(msgspec.json.decode(body)["Encrypt"])
        signed = crypto.signature(_owner(app), sealed, stamp=stamp, nonce=nonce)
        query |= {"encrypt_type": "aes", "msg_signature": signed}
    return urlencode(query)


def push_body(app: App, plain: dict[str, object], *, salt: bytes) -> str:
    """The body that is posted."""
    text = msgspec.json.encode(plain).decode()
    if not app.push_aes_key:
        return text
    sealed = crypto.encrypt(_owner(app), text, salt=salt)
    return msgspec.json.encode({"ToUserName": app.appid, "Encrypt": sealed}).decode()


def _owner(app: App) -> Corp:
    return Corp(corpid=app.appid, token=app.push_token, aes_key=app.push_aes_key)
