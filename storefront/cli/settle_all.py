"""The `storefront settle` group with every subcommand hung on it."""

from storefront.cli.reconcile import reconcile_command
from storefront.cli.settle import settle
from storefront.cli.settle_cashier import cashier_terms_command
from storefront.cli.settle_close import close_command, month_end_command, statements_command
from storefront.cli.settle_contract import contract_command, rehearse_command
from storefront.cli.settle_dispute import dispute_command
from storefront.cli.settle_payouts import payouts_group
from storefront.cli.settle_splits import run_splits_command

for command in (
    contract_command, rehearse_command, run_splits_command, reconcile_command, close_command, statements_command,
    payouts_group, month_end_command, dispute_command, cashier_terms_command,
):  # fmt: skip
    settle.add_command(command)

__all__ = ["settle"]
