"""Every way paying can say no, beside what statements refuse (`settlement.errors`)."""

from tenants.kernel.errors import Conflict, Invalid, NotFound


class PayeeNotFound(NotFound):
    """There is no such payee."""

    zh = "收款信息不存在"


class PayeeWrong(Invalid):
    """Companies are paid to a bank account, guides by their payroll number."""

    zh = "公司须填银行账户，导购按工号发放"


class PayoutNotFound(NotFound):
    """There is no such payout, or no such line of it."""

    zh = "付款批次或付款明细不存在"


class PayoutStandsOtherwise(Conflict):
    """This payout stands where this cannot be done."""

    zh = "付款批次当前状态不允许此操作"


class PayoutNotReleased(Conflict):
    """This payout has no files: they exist once a second person has released it."""

    zh = "付款批次尚未由另一人放行，没有付款文件"


class PayoutExceedsStatement(Conflict):
    """A payout would send more than the statement says is owed."""

    zh = "付款金额超过结算单应付余额"
