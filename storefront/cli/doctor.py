"""`storefront doctor`: look at everything that serving depends on, and say in words how to fix what is wrong."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import socket
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import rich_click as click

from storefront.cli.screen import open_screen
from storefront.settings import Settings
from tenants.kernel.errors import Refusal

PATIENCE_SECONDS = 3


@click.command("doctor")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The data folder of `storefront up`."
)
@click.option("--tenant", "code", help="Look at this brand's way to WeChat as well (its code).")
def doctor(*, data: Path | None, code: str | None) -> None:
    """Check settings, keys, database (as each role), Redis, clocks, embedded servers and WeChat's address; change nothing."""
    from storefront.cli.home import settings_for_command, strip_postgres_variables
    from storefront.settings import SettingInvalid

    strip_postgres_variables()
    console = open_screen()
    try:
        settings = settings_for_command(data)
    except SettingInvalid as error:
        console.print(f"[red]✗[/] settings: {error}")
        sys.exit(1)
    faults = 0
    checks = examine(settings, data=data)
    for name, findings in chain(checks, _of_tenant(settings, code)):
        faults += len(findings)
        console.print(f"[green]✓[/] {name}" if not findings else f"[red]✗[/] {name}", highlight=False)
        for line, fix in findings:
            console.print(f"    {line}\n    [bold]fix:[/] {fix}", highlight=False, soft_wrap=True)
    console.print("all well" if not faults else f"{faults} thing(s) to fix")
    sys.exit(1 if faults else 0)


def _of_tenant(settings: Settings, code: str | None) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    if code is None:
        return
    from storefront.cli.doctor_tenant import examine_tenant
    from storefront.cli.quiet import quietly

    try:
        with quietly():
            found = asyncio.run(examine_tenant(settings, code))
        yield from found
    except (OSError, Refusal) as error:
        yield f"brand {code}", [(f"the database does not answer ({type(error).__name__})", "see above")]


def examine(settings: Settings, *, data: Path | None = None) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each check's name with what is wrong and its fix."""
    from storefront.gate import key_faults, look
    from storefront.provision import APP, WORKER

    yield "embedded servers", embedded_faults(settings, data=data)
    yield "keys", [(fault.line, fault.fix) for fault in key_faults(settings)]
    for role, url in ((APP, settings.database_url), (WORKER, settings.database_worker_url)):
        if url is None:
            variable = "DATABASE_URL" if role == APP else "DATABASE_WORKER_URL"
            yield f"database as {role}", [(f"{variable} is not set", "set it, or start `storefront up`")]
            continue
        for name, faults in asyncio.run(look(url, role=role)).items():
            yield f"database as {role}: {name}", [(fault.line, fault.fix) for fault in faults]
    yield "redis", redis_faults(settings.redis_url)
    yield "public address", address_faults(settings)


def embedded_faults(settings: Settings, *, data: Path | None) -> list[tuple[str, str]]:
    """Whether `storefront up` could run its own servers here; nothing to say when both are outside."""
    if settings.database_url and settings.redis_url:
        return []
    from storefront.embedded.accounts import require_reachable, servers_account
    from storefront.embedded.binaries import postgres_binaries, valkey_binary
    from storefront.embedded.errors import EmbeddedFault
    from storefront.embedded.folder import default_home

    try:
        account = servers_account()
        home = default_home(configured=data or settings.storefront_home)
        require_reachable(home if home.exists() else home.parent, account)
        postgres_binaries(home, account=None)
        valkey_binary(home, account=None)
    except EmbeddedFault as fault:
        return [(type(fault).__name__, str(fault))]
    return []


def redis_faults(url: str | None) -> list[tuple[str, str]]:
    """Whether Redis answers PING."""
    if url is None:
        return [("REDIS_URL is not set", "set it, or start `storefront up`")]
    parts = urlsplit(url)
    over_tcp = parts.scheme != "unix"
    try:
        with socket.socket(socket.AF_INET if over_tcp else socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(
                (parts.hostname or "localhost", parts.port or 6379) if over_tcp else unquote(parts.path)
            )
            if parts.scheme == "rediss" or parts.password:
                return []  # reached; logging in is left to the application
            client.sendall(b"PING\r\n")
            answer = client.recv(64)
    except OSError as error:
        return [(f"Redis cannot be reached: {error}", "check REDIS_URL and the server")]
    return [] if answer.startswith(b"+PONG") else [(f"Redis answers {answer[:40]!r}", "check REDIS_URL")]


def address_faults(settings: Settings) -> list[tuple[str, str]]:
    """Whether WeChat can call us back: it demands https on a public name, without a query."""
    real_wechat = settings.wechat_pay_url == Settings().wechat_pay_url
    parts = urlsplit(settings.public_url())
    if not real_wechat:
        return []
    if parts.scheme != "https" or parse_qs(parts.query):
        return [
            (
                f"WeChat Pay calls back over https only, and our public address is {settings.public_url()}",
                "set STOREFRONT_PUBLIC_URL to the https address that reaches this server",
            )
        ]
    return []
