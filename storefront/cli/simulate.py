"""`storefront simulate`: the WeChat simulator alone, for front-end work against another storefront."""

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
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the planned faults.")
def simulate(*, host: str, port: int, state: Path | None, seed: int) -> None:
    """Play WeChat Pay and the mini-program log-in; point WECHAT_PAY_URL and WECHAT_API_URL here."""
    from storefront.simulators.run import serve_simulator

    click.echo(f"the simulator answers on http://{host}:{port} (Ctrl-C stops it)")
    serve_simulator(host, port, state_path=state, seed=seed)
