"""Reads request bodies strictly: JSON is decoded straight into the operation's struct, with no coercion and no unknown fields.

The framework would first build loose objects and then convert them leniently ("3" would pass for 3). Also refuses what no later
floor can store or show: NUL characters, numbers beyond JavaScript's 2^53, other media types.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from storefront import errors
from storefront.frame import body_refused
from tenants.kernel.money import LARGEST

LARGEST_BODY = 1_048_576
_SUSPECT = re.compile(rb"\\u0000|[0-9]{16}|[0-9][eE]")
"""Only a body that matches is walked value by value; ordinary bodies cost one scan."""


_DISTANT = re.compile(rb'"(?:0|1[0-8]|[3-9])[0-9]{2,3}-[0-9]{2}-[0-9]{2}')
"""Likewise: only a body with something like a day of a distant year is walked for days."""
FIRST_YEAR, LAST_YEAR = 1900, 2999


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded once, straight into the type of the handler's `data`."""

    async def body(self) -> bytes:
        """The whole body; a caller that goes away in the middle is a malformed request, not a fault of ours."""
        try:
            return await super().body()
        except InternalServerException as error:
            raise errors.MalformedRequest from error

    async def json(self) -> Any:
        """Decode the body into the handler's struct, or refuse it."""
        media_type = self.headers.get("content-type", "application/json").split(";")[0].strip().lower()
        if media_type != "application/json":
            raise errors.MediaTypeNotSupported
        field = self.route_handler.parsed_data_field
        return decode(await self.body(), wanted=field.annotation if field else Any)


def decode(body: bytes, *, wanted: Any) -> Any:
    """Decode a JSON body strictly; raises MalformedRequest for what is no JSON, ValidationFailed for what does not fit."""
    try:
        if _SUSPECT.search(body):
            _refuse_unstorable(msgspec.json.decode(body), path="")
        decoded = _decoder(wanted).decode(body)
    except msgspec.ValidationError as error:
        raise body_refused(error) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.MalformedRequest from error
    if _DISTANT.search(body):
        _refuse_distant(decoded, path="")
    return decoded


@lru_cache(maxsize=1024)
def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def _refuse_unstorable(value: Any, *, path: str) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise errors.ValidationFailed(details={path or "body": "Text may not contain a NUL character"})
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise errors.ValidationFailed(details={path or "body": "Number is too large"})
    if isinstance(value, list):
        for position, each in enumerate(value):
            _refuse_unstorable(each, path=f"{path}[{position}]")
    if isinstance(value, dict):
        for name, each in value.items():
            _refuse_unstorable(name, path=path)
            _refuse_unstorable(each, path=f"{path}.{name}" if path else name)


def _refuse_distant(value: Any, *, path: str) -> None:
    """Refuse days whose midnight somewhere, or the month before or after, is no day of any calendar."""
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        sentence = f"Expected a day between the years {FIRST_YEAR} and {LAST_YEAR}"
        raise errors.ValidationFailed(details={path or "body": sentence})
    if isinstance(value, list | tuple):
        for position, each in enumerate(value):
            _refuse_distant(each, path=f"{path}[{position}]")
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            inner = f"{path}.{field.encode_name}" if path else field.encode_name
            _refuse_distant(getattr(value, field.name), path=inner)
