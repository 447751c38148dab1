"""Reading the TOML files of `storefront tenant`: field names in snake_case or camelCase, and refusals in the file's own words."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import re
from pathlib import Path
from typing import Any, TypeVar

from storefront.cli.opened import end_with

Wanted = TypeVar("Wanted")
SERIALS = frozenset({"wechat_public_keys", "wechatPublicKeys"})
"""The keys inside are serial numbers, not names of fields."""


class FieldWrong(ValueError):
    """A field is given in both spellings, or holds what can be stored nowhere."""


def read_brand_file(file: Path, wanted: type[Wanted], *, example: str) -> Wanted:
    """Read a file into a command, or end the program saying which field is wrong; `example` is the command that prints one."""
    import tomllib

    import msgspec

    try:
        given = camel(tomllib.loads(file.read_text(encoding="utf-8-sig")))
        _refuse_unstorable(given, path="")
        return msgspec.convert(given, wanted)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, FieldWrong) as error:
        end_with(f"{file}: {_as_in_file(str(error))}; `{example}` shows every field")


def camel(given: Any) -> Any:
    """Name fields as the API does, whatever they hold; what is not a table stays as it is, for its type to be refused."""
    if isinstance(given, list):
        return [camel(each) for each in given]
    if not isinstance(given, dict):
        return given
    named: dict[str, Any] = {}
    for key, value in given.items():
        first, *rest = key.split("_")
        name = first + "".join(word.capitalize() for word in rest)
        if name in named:
            raise FieldWrong(f"`{key}` is given twice, in both spellings")
        named[name] = value if key in SERIALS else camel(value)
    return named


def _refuse_unstorable(given: Any, *, path: str) -> None:
    inner = given.items() if isinstance(given, dict) else enumerate(given) if isinstance(given, list) else ()
    for name, value in inner:
        _refuse_unstorable(value, path=f"{path}.{name}")
    if isinstance(given, str) and "\x00" in given:
        raise FieldWrong(f"a text may not contain a NUL character - at `${path}`")


def _as_in_file(message: str) -> str:
    """Name fields as the file writes them: `$.merchant.api_v3_key` for `$.merchant.apiV3Key`."""
    return re.sub(
        r"field `[^`]*`|`\$[^`]*`",
        lambda named: re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", named[0]),
        message,
    )
