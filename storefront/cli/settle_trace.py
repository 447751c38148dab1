"""What `storefront settle trace` prints: one order's money from the list price to what each party holds, amounts in yuan."""

from rich.console import Console
from rich.table import Table

from settlement.money.views import MoneyStepView, PartyStanding, StepKind, Waterfall
from tenants.kernel.money import yuan_text

TITLES = {
    StepKind.LIST: "标价 list price", StepKind.DISCOUNT: "优惠 discount", StepKind.PAID: "实付 paid",
    StepKind.COUPON: "代金券 coupon", StepKind.FEE: "手续费 channel fee", StepKind.UNWANTED: "挂账 suspense",
    StepKind.PORTION: "分成 portion", StepKind.REFUND: "退款 refund", StepKind.ADJUSTMENT: "调整 adjustment",
    StepKind.PAYMENT: "支付 payment",
}  # fmt: skip


def print_waterfall(console: Console, found: Waterfall, *, brand: str) -> None:
    """Two tables: the steps, and where each party stands."""
    console.print(_steps_table(found, brand=brand))
    console.print(_parties_table(found.parties))


def _steps_table(found: Waterfall, *, brand: str) -> Table:
    table = Table(title=f"{brand}  {found.order_no}  kept {yuan_text(found.kept_fen)}")
    for heading in ("step", "line", "party", "rule", "day", "evidence"):
        table.add_column(heading, overflow="fold")
    table.add_column("yuan", justify="right")
    for step in found.steps:
        table.add_row(
            TITLES[step.kind] + (f" ({step.cause})" if step.cause else ""),
            "" if step.line_no is None else f"{step.line_no} {step.sku_code or ''}",
            step.party.name if step.party else "", _rule(step), str(step.occurred_on or ""),
            " ".join(step.evidence), yuan_text(step.amount_fen),
        )  # fmt: skip
    return table


def _rule(step: MoneyStepView) -> str:
    if step.rule is None:
        return ""
    rate = "the rest" if step.rule.rate_bps is None else f"{step.rule.rate_bps / 100:g} %"
    counts = "" if step.rule.counts_in is None else f", counts in {step.rule.counts_in:%Y-%m}"
    return f"{step.rule.contract_code} v{step.rule.contract_version}: {rate} of {yuan_text(step.rule.base_fen)}{counts}"


def _parties_table(parties: list[PartyStanding]) -> Table:
    table = Table(title="parties 结算方")
    table.add_column("party")
    for heading in ("earned", "paid", "left"):
        table.add_column(heading, justify="right")
    table.add_column("standing")
    for each in parties:
        table.add_row(
            f"{each.party.name} ({each.party.code.split(':')[0]})", yuan_text(each.earned_fen), yuan_text(each.paid_fen),
            yuan_text(each.left_fen), each.standing,
        )  # fmt: skip
    return table
