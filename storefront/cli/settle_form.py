"""What finance's commands have in common: the options of a month, amounts as people type them, and the vendors' channels of one brand."""

import getpass
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.table import Column

from settlement.agreements.queries import contracts
from settlement.errors import ContractNotFound, PartyNotFound
from settlement.queries import parties
from storefront.adapters.outbound import open_http_client
from storefront.channels import WechatPayChannels
from storefront.cli.home import settings_for_command
from storefront.cli.quiet import quietly
from storefront.wiring import system_clock
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import ContractId, PartyId
from tenants.kernel.money import Fen, NotMoney, fen_from_text
from tenants.kernel.scope import Reading

OUT = Path("statements")
UUID_LETTERS = 36
SHOWN = 100
"""Rows of a list."""
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done; keep nothing.")


def of_month(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what is about one month."""
    for option in (
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=OUT, show_default=True, help="Where files go: one folder a brand."),
        click.option("--month", required=True, help="YYYY-MM."),
    ):  # fmt: skip
        command = option(command)
    return command


class InOrder(click.RichGroup):
    """A group whose help lists its commands in the order in which they are used, not by the alphabet."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """As they were hung on it."""
        return list(self.commands)


def id_column(heading: str) -> Column:
    """A column of ids, whole on one line however narrow the screen: they are there to be copied."""
    return Column(heading, no_wrap=True, min_width=UUID_LETTERS)


def one_of(values: Iterable[str], *more: str) -> click.Choice[str]:
    """A choice by the words that we write and show: an enumeration left to click is chosen by its members' names."""
    return click.Choice([*(str(each) for each in values), *more])


class YuanAmount(click.ParamType[Fen]):
    """An amount in yuan, with a sign where it may be negative."""

    name = "yuan"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fen:
        """Read "-12.30" as -1230 fen; a fraction of a fen is refused."""
        try:
            return fen_from_text(str(value))
        except NotMoney as error:
            self.fail(str(error), param, ctx)


async def contract_named(db: Reading, code: str, *, at: datetime | None = None) -> ContractId:
    """The contract of this code: its version in force at a moment, the last one before it, or just the last; raises ContractNotFound."""
    versions = await contracts(db, code=code)
    begun = [each for each in versions if at is None or each.active_from <= at]
    if not begun:
        raise ContractNotFound(
            details={"contract": f"{code} is no contract here" if not versions else f"{code} began later"}
        )
    return max(begun, key=lambda each: each.version).id


async def party_named(db: Reading, named: str) -> PartyId:
    """The party of this name or code; raises PartyNotFound, for a name that two parties have too."""
    found = [each.id for each in (await parties(db)).values() if named in {each.name, each.code}]
    if len(found) != 1:
        told = "there is no such party" if not found else f"{len(found)} parties are called so: use the code"
        raise PartyNotFound(details={named: told})
    return found[0]


def actor() -> str:
    """How the audit names a run that names nobody: the machine's user."""
    return f"cli:{getpass.getuser()}"


def keys_of(data: Path | None) -> KeyRing:
    """The master keys of the environment."""
    return settings_for_command(data).key_ring()


@asynccontextmanager
async def open_channels(data: Path | None) -> AsyncIterator[WechatPayChannels]:
    """The payment channels, for as long as the block lasts."""
    settings = settings_for_command(data)
    # A call to the channel is no line of finance's report.
    with quietly():
        async with open_http_client() as http:
            yield WechatPayChannels(http, settings=settings, keys=settings.key_ring(), clock=system_clock)
