"""The six kinds of refusal, and how a refusal speaks.

Every package lists its own refusals as classes of one of these kinds; the docstring is the English sentence the caller reads, `zh`
the Chinese one, and keyword fields say which object was meant. The roof alone knows what HTTP makes of a kind.
"""

import re
from typing import ClassVar

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Refusal(Exception):
    """The request was refused."""

    zh: ClassVar[str] = "请求被拒绝"

    def __init__(self, *, details: dict[str, str] | None = None, **fields: object) -> None:
        """Keep `fields` (which object) for logs and `details` (input path -> what is wrong with it) for the caller."""
        super().__init__(self.sentence())
        self.fields = fields
        self.details = details or {}

    @classmethod
    def code(cls) -> str:
        """The stable code of the frame: the class's name in UPPER_SNAKE."""
        return _WORD.sub("_", cls.__name__).upper()

    @classmethod
    def sentence(cls) -> str:
        """The English sentence: the first line of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class NotFound(Refusal):
    """There is no such thing."""

    zh = "不存在"


class Conflict(Refusal):
    """It clashes with what is already there."""

    zh = "与现有状态冲突"


class Forbidden(Refusal):
    """You may not do this."""

    zh = "没有权限"


class Invalid(Refusal):
    """The request cannot be understood."""

    zh = "请求内容有误"


class Unavailable(Refusal):
    """It cannot be done right now; try again in a moment."""

    zh = "暂时无法处理，请稍后再试"


class Broken(Refusal):
    """Something is wrong on our side."""

    zh = "系统内部错误"


def every_refusal(kind: type[Refusal] = Refusal) -> set[type[Refusal]]:
    """All refusals defined so far, for the list of codes that the API documents."""
    found = set(kind.__subclasses__())
    return found.union(*(every_refusal(each) for each in kind.__subclasses__())) if found else found
