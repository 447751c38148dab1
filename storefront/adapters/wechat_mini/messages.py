"""The mini-program platform's own words. Answers come with status 200 either way; `errcode` tells errors apart."""

import msgspec


class Session(msgspec.Struct, frozen=True):
    """code2session's answer. The session key is not even read: nothing here needs it, and what is not held cannot leak."""

    openid: str | None = None
    unionid: str | None = None
    errcode: int = 0
