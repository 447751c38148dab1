"""The command group. Subcommands are found by name and imported when used, so that `storefront --help` answers at once."""

import importlib
import importlib.util

import rich_click as click

LAZY = {
    "up": ("storefront.cli.up", "Start everything: database, cache, demo, simulator, API, worker."),
    "serve": ("storefront.cli.serve", "Serve the API (production)."),
    "work": ("storefront.cli.work", "Run the worker (production)."),
    "migrate": ("storefront.cli.migrate", "Bring the database to the newest revision."),
    "seed": ("storefront.cli.seed", "Write the demonstration, once."),
    "doctor": ("storefront.cli.doctor", "Look at everything and say how to fix what is wrong."),
    "simulate": ("storefront.cli.simulate", "Run the WeChat simulator alone."),
    "tenant": ("storefront.cli.tenant", "Create brands and look at them."),
    "import": ("storefront.cli.imports", "Bring a brand's files in."),
    "settle": ("storefront.cli.settle_all", "Contracts, splits, reconciliation, the month's end, payouts."),
    "keys": ("storefront.cli.keys", "Rotate master keys; trust WeChat's new keys beside the old."),
    "jobs": ("storefront.cli.jobs", "Look at parked work and let it try again."),
}
"""Name -> the module that defines the click command of that name, and its line in the list."""


class LazyGroup(click.RichGroup):
    """A group that imports a subcommand's module when it is asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """The subcommands that this installation has."""
        return [name for name, (module, _) in LAZY.items() if importlib.util.find_spec(module)]

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import the subcommand's module and take its command of that name."""
        module_name, _ = LAZY.get(name, ("", ""))
        if not module_name or importlib.util.find_spec(module_name) is None:
            return None
        module = importlib.import_module(module_name)
        commands = (each for each in vars(module).values() if isinstance(each, click.Command))
        return next((each for each in commands if each.name == name), None)

    def format_help(self, context: click.Context, _formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        rows = [(name, LAZY[name][1]) for name in self.list_commands(context)]
        width = max(len(name) for name, _ in rows)
        click.echo(
            f"\n {self.help}\n\n Usage: storefront COMMAND [OPTIONS]   (storefront COMMAND --help says more)\n"
        )
        for name, line in rows:
            click.echo(f"   {name.ljust(width)}  {line}")
        click.echo("")


@click.group(cls=LazyGroup, help="storefront: thousand stores, thousand faces.", invoke_without_command=False)
@click.version_option(package_name="storefront")
def storefront() -> None:
    """The group itself does nothing."""


if __name__ == "__main__":
    storefront()
