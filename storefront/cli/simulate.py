"""`storefront simulate`: the WeChat simulator alone, for other people's tests and for front-end work against another storefront."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

from pathlib import Path

import rich_click as click


@click.command("simulate")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8100, show_default=True)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep merchants and payments in this file.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every id: same seed, same run.")
@click.option(
    "--merchants",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON file with the merchants, people, apps and corps that are there from the start.",
)
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("simulator-keys"),
    show_default=True,
    help="Folder for WeChat's keys of each merchant in the file.",
)
def simulate(
    *, host: str, port: int, state: Path | None, seed: int, merchants: Path | None, keys: Path
) -> None:
    """Play WeChat Pay, the mini-program server and WeCom; point WECHAT_PAY_URL and WECHAT_API_URL here."""
    from storefront.simulators.cast import CastUnreadable
    from storefront.simulators.run import Cast, serve_simulator

    cast = None if merchants is None else Cast(merchants, keys)
    try:
        serve_simulator(host, port, state_path=state, seed=seed, cast=cast, say=click.echo)
    except CastUnreadable as error:
        raise click.ClickException(str(error)) from error
