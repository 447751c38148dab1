"""A batch as the files that leave: one for companies with their bank accounts, one for payroll with guides' numbers.

UTF-8 with a byte order mark, Chinese headings, a control total in the last row. The same batch gives the same bytes. There are none before a
second person released the batch. Account numbers are in these files and nowhere else: whoever writes one lets only its owner read it.
"""

from enum import StrEnum

from settlement.commands import month_text
from settlement.payouts.accounts import bank_accounts, released_payout
from settlement.payouts.payees import BankAccount
from settlement.payouts.states import PayeeKind
from settlement.payouts.views import PayoutLineView, PayoutView
from storefront.statements.columns import told
from storefront.statements.csv_file import BOM, csv_text
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import PayoutId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

COMPANIES = ("序号", "付款编号", "收款户名", "收款账号", "开户行", "金额(元)", "用途", "结算方", "结算单号")
PAYROLL = ("序号", "付款编号", "工号", "姓名", "金额(元)", "项目", "账期", "结算单号")


class PayoutFile(StrEnum):
    """Which file of a batch."""

    COMPANIES = "companies"
    """对公付款: for the bank."""
    PAYROLL = "payroll"
    """导购提成: for payroll."""


def payout_file_name(payout: PayoutView, kind: PayoutFile) -> str:
    """The file's name."""
    return f"{payout.payout_no}_{kind}.csv"


async def payout_file(
    tenant: TenantScope, payout_id: PayoutId, *, kind: PayoutFile, keys: KeyRing
) -> tuple[str, bytes]:
    """One of the batch's files with its name; raises PayoutNotReleased."""
    accounts: dict[int, BankAccount] = {}
    async with tenant.reading() as db:
        payout = await released_payout(db, payout_id)
        if kind is PayoutFile.COMPANIES:
            accounts = await bank_accounts(db, payout_id, keys=keys)
    return payout_file_name(payout, kind), _written(payout, kind=kind, accounts=accounts)


def _written(payout: PayoutView, *, kind: PayoutFile, accounts: dict[int, BankAccount]) -> bytes:
    wanted = PayeeKind.BANK if kind is PayoutFile.COMPANIES else PayeeKind.PAYROLL
    lines = [line for line in payout.lines if line.payee.kind is wanted]
    headings = COMPANIES if kind is PayoutFile.COMPANIES else PAYROLL
    rows: list[tuple[str, ...]] = [headings]
    for number, line in enumerate(lines, start=1):
        if kind is PayoutFile.COMPANIES:
            rows.append(_company(line, number=number, account=accounts[line.number]))
        else:
            rows.append(_person(line, number=number))
    total = yuan_text(Fen(sum(line.amount_fen for line in lines)))
    place = headings.index("金额(元)")
    rows.append(("合计", f"{len(lines)} 笔", *[""] * (place - 2), total, *[""] * (len(headings) - place - 1)))
    return (BOM + csv_text(rows)).encode()


def _company(line: PayoutLineView, *, number: int, account: BankAccount) -> tuple[str, ...]:
    return (
        str(number), line.line_no, told(account.account_name), told(account.account_no), told(account.bank_name),
        yuan_text(line.amount_fen), f"{month_text(line.period_on)} 结算款", told(line.party_name), str(line.statement_id),
    )  # fmt: skip


def _person(line: PayoutLineView, *, number: int) -> tuple[str, ...]:
    return (
        str(number), line.line_no, told(line.payee.payroll_no), told(line.party_name), yuan_text(line.amount_fen),
        "导购提成", month_text(line.period_on), str(line.statement_id),
    )  # fmt: skip
