"""The `storefront settle` group with every subcommand hung on it: modules that hang their own are imported, the others' commands are added."""

from storefront.cli import reconcile, settle_contract
from storefront.cli.settle import settle
from storefront.cli.settle_close import close_command, month_end_command, statements_command
from storefront.cli.settle_dispute import dispute_command
from storefront.cli.settle_payouts import payouts_group
from storefront.cli.settle_splits import run_splits_command

MODULES = (reconcile, settle_contract)
for command in (
    run_splits_command, close_command, statements_command, payouts_group, month_end_command, dispute_command
):  # fmt: skip
    settle.add_command(command)

__all__ = ["settle"]
