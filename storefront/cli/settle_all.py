"""The `storefront settle` group with every subcommand hung on it, in the order in which finance uses them."""

from storefront.cli.reconcile import reconcile_command
from storefront.cli.settle import (
    panels,
    post_command,
    seal_command,
    settle,
    trace_command,
    verify_command,
)
from storefront.cli.settle_adjustments import adjustments_group
from storefront.cli.settle_claims import claims_command
from storefront.cli.settle_close import close_command, month_end_command, statements_command
from storefront.cli.settle_contract import contract_command, rehearse_command
from storefront.cli.settle_differences import differences_group
from storefront.cli.settle_disputes import disputes_group
from storefront.cli.settle_invoices import invoices_group
from storefront.cli.settle_payees import pay_to_command, payees_command
from storefront.cli.settle_payout_results import mark_command, results_command
from storefront.cli.settle_payouts import payouts_group
from storefront.cli.settle_sign import agree_command, approve_command
from storefront.cli.settle_splits import run_splits_command

PANELS = {
    "Agree on terms": (contract_command, rehearse_command),
    "Every day": (post_command, run_splits_command, reconcile_command, differences_group),
    "The month's end": (month_end_command, close_command, statements_command),
    "Sign": (approve_command, agree_command, disputes_group, adjustments_group, invoices_group),
    "Pay": (payouts_group, claims_command),
    "Look": (trace_command, verify_command, seal_command),
}
panels(settle, PANELS)
for command in (results_command, mark_command, payees_command, pay_to_command):
    payouts_group.add_command(command)

__all__ = ["payouts_group", "settle"]
