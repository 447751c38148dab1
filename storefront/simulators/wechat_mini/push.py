"""The mini-program's message push: plain JSON whose address carries a signature over token, time and nonce."""

import hashlib
from urllib.parse import urlencode

from storefront.simulators.wechat_mini.records import App


def push_query(app: App, *, stamp: int, nonce: str) -> str:
    """What is appended to the push address."""
    text = "".join(sorted([app.push_token, str(stamp), nonce]))
    signature = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return urlencode({"signature": signature, "timestamp": stamp, "nonce": nonce})
