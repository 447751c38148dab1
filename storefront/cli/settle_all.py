"""The `storefront settle` group with every subcommand hung on it: importing a module of them is what hangs them."""

from storefront.cli import settle_contract
from storefront.cli.settle import settle

MODULES = (settle_contract,)

__all__ = ["settle"]
