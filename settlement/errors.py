"""Every way settlement can say no."""

from tenants.kernel.errors import Broken, Conflict, Forbidden, Invalid, NotFound


class ContractNotFound(NotFound):
    """There is no such contract."""

    zh = "合同不存在"


class PartyNotFound(NotFound):
    """There is no such party."""

    zh = "找不到该结算方"


class StatementNotFound(NotFound):
    """There is no such statement."""

    zh = "结算单不存在"


class OrderMoneyNotFound(NotFound):
    """There is no such order, or no money of it has been booked."""

    zh = "订单不存在或尚无入账记录"


class NoTermsInForce(Conflict):
    """No contract is in force for this store at this time."""

    zh = "该门店此时没有生效的合同"


class ContractOverlap(Conflict):
    """A store of this contract is covered by another contract at the same time."""

    zh = "门店在同一时间已被另一份合同覆盖"


class ContractDatesWrong(Invalid):
    """A contract must end after it starts, and both within the years 1900 to 2999."""

    zh = "合同的结束时间必须晚于开始时间，且均在 1900 至 2999 年之间"


class ContractVersionTooEarly(Conflict):
    """A new version of a contract must start after the version before it."""

    zh = "合同新版本的生效时间必须晚于上一版本"


class ContractBackdated(Conflict):
    """This contract would change what a closed month settled, and nobody settles that month again."""

    zh = "合同回溯会改变已关账账期的保底、分段或封顶结算；请改为从未关账账期开始，差额走调整单"


class RatesExceedWhole(Invalid):
    """The rates add up to more than 100 %."""

    zh = "费率合计超过 100%"


class RateNamedTwice(Invalid):
    """A party has two rates for the same category."""

    zh = "同一结算方在同一类目下有两个费率"


class ResidualPartyHasRate(Invalid):
    """The residual party takes what is left; it cannot have a rate as well."""

    zh = "剩余归属方取余额，不能再设费率"


class RateDatesWrong(Invalid):
    """A rate's last day lies before its first."""

    zh = "费率的结束日期早于开始日期"


class PeriodTermsEmpty(Invalid):
    """A party's period terms need tiers, a guarantee or a cap."""

    zh = "结算周期条款须包含分段、保底或封顶"


class PeriodTermsTwice(Invalid):
    """A party has period terms twice."""

    zh = "同一结算方有两份结算周期条款"


class TermsWithoutPeriod(Invalid):
    """Tiers, a guarantee and a cap need the period they are counted over: month, quarter or year."""

    zh = "分段、保底和封顶必须指定周期（月、季或年）"


class TiersStartAboveZero(Invalid):
    """The first tier must start at zero."""

    zh = "第一个分段必须从零开始"


class TiersNotInOrder(Invalid):
    """Each tier must end where the next one starts, and the last one must be open: no gap, no overlap."""

    zh = "分段必须首尾相接且最后一段不设上限，不能重叠或有空档"


class GuaranteeIncomplete(Invalid):
    """A guarantee needs its kind and its amount, and guaranteed sales are the higher of the two by themselves."""

    zh = "保底须同时指定类型和金额，保底销售额本身即为取高"


class GuaranteeWithoutRate(Invalid):
    """A shortfall of guaranteed sales is taken at the party's rate for everything; it has none."""

    zh = "保底销售额的差额按该结算方的统一费率计算，但未设统一费率"


class CapBelowGuarantee(Invalid):
    """The cap lies below what the guarantee gives."""

    zh = "封顶金额低于保底"


class ExTaxWithoutTax(Invalid):
    """A base without tax needs the tax rate."""

    zh = "不含税基数必须指定税率"


class BearerWrong(Invalid):
    """A cost that a party bears names that party, and one that nobody in particular bears names none."""

    zh = "由结算方承担的费用须指定结算方，其他承担方式不能指定"


class ContractCalendarChanged(Conflict):
    """Cut-off day and time zone may only change where a period of the version before begins."""

    zh = "账期截止日和时区只能在上一版本的账期起始时刻变更"


class MaxSplitExceeded(Invalid):
    """The parties could together get more than the payment channel lets the merchant split off."""

    zh = "各分账方合计可能超过商户的最大分账比例"


class ContractStoresWrong(Invalid):
    """A contract names stores that exist; only the house contract names none, because it covers those that no other names."""

    zh = "合同须指定存在的门店；只有默认合同不指定门店，它覆盖其他合同未指定的门店"


class PartyUnknown(Invalid):
    """A party of this contract does not exist."""

    zh = "合同中的结算方不存在"


class MonthUnreadable(Invalid):
    """A month is written YYYY-MM."""

    zh = "月份格式应为 YYYY-MM"


class PeriodNotOver(Conflict):
    """This month is not over yet in every contract's time zone."""

    zh = "该月份在合同时区内尚未结束"


class EarlierPeriodOpen(Conflict):
    """An earlier month still holds entries and is open; close it first."""

    zh = "更早的月份仍有未关闭的账目，请先关账"


class LaterPeriodClosed(Conflict):
    """A later month is closed already; this one holds nothing and can no longer be closed."""

    zh = "之后的月份已关账，本月不能再关账"


class MonthNotClosed(Conflict):
    """This month is not closed yet."""

    zh = "该月份尚未关账"


class StatementDiffers(Broken):
    """A closed statement no longer agrees with the ledger."""

    zh = "已关账的结算单与账本不一致"


class SecondPersonNeeded(Forbidden):
    """A second person must decide this: not the one who closed it or asked for it."""

    zh = "须由另一人复核：关账人或申请人不能审批自己的单据"


class PersonNeeded(Forbidden):
    """Somebody must decide this by name: a run that names nobody may count and prepare, but not sign, release or correct."""

    zh = "须由具名人员决定：未署名的自动运行只能计算和准备，不能审批、放行或更正"


class StatementStandsOtherwise(Conflict):
    """This statement stands where this cannot be done."""

    zh = "结算单当前状态不允许此操作"


class StatementSealed(Conflict):
    """This statement can no longer be restated; corrections fall into the open period."""

    zh = "结算单已封存，不能重开；更正请记入当前账期"


class DifferencesOpen(Conflict):
    """Differences of this statement still wait for an answer."""

    zh = "结算单仍有未处理的差异，须先逐条答复"


class AdjustmentUndecided(Conflict):
    """Corrections of this statement still wait for a second person."""

    zh = "结算单仍有待复核的调整，不能审批"


class AdjustmentNotFound(NotFound):
    """There is no such adjustment."""

    zh = "调整单不存在"


class AdjustmentWrong(Invalid):
    """This adjustment cannot be booked as it is."""

    zh = "调整单内容有误"


class AdjustmentDecided(Conflict):
    """This adjustment was decided already."""

    zh = "该调整单已处理"


class InvoiceWrong(Invalid):
    """An invoice has an amount, and a tax smaller than it and of the same sign."""

    zh = "发票金额或税额有误"


class InvoiceNumberTaken(Conflict):
    """This invoice number was recorded already."""

    zh = "该发票号码已登记"


class DisputeNotFound(NotFound):
    """There is no such dispute, or no such difference of it."""

    zh = "争议或差异不存在"


class DisputeStandsOtherwise(Conflict):
    """This dispute stands where this cannot be done."""

    zh = "争议当前状态不允许此操作"


class DifferenceAnswered(Conflict):
    """This difference has an answer already."""

    zh = "该差异已处理"


class NumbersUnreadable(Invalid):
    """The file with the other side's numbers cannot be used."""

    zh = "对方账单文件无法使用"


class RefundExceedsKept(Broken):
    """A refund takes more of a line than the ledger holds for it."""

    zh = "退款金额超过账本中该订单行的余额"


class BalanceTooLarge(Broken):
    """An account would hold more than a balance can count."""

    zh = "账户余额超出可记录的范围"


class PromotionNotFound(NotFound):
    """There is no such promotion."""

    zh = "促销活动不存在"


class PromotionCodeTaken(Conflict):
    """There is a promotion with this code; a promotion is never edited, give the new one a code of its own."""

    zh = "促销活动编码已存在；活动不可修改，请使用新的编码"


class PromotionEndsWrong(Conflict):
    """A promotion ends after it begins, and can only be made to end earlier."""

    zh = "促销活动的结束时间必须晚于开始时间，且只能提前结束"


class FundersExceedWhole(Invalid):
    """The funders' rates add up to more than 100 %."""

    zh = "承担比例合计超过 100%"


class FunderNamedTwice(Invalid):
    """Each funder is named once; who takes the rest has no rate of its own."""

    zh = "每个承担方只能填写一次，承担余额的一方不再填写比例"


class CollectorUnclear(Invalid):
    """Somebody else than the brand and its guides collects, named with or without the sources whose money it takes."""

    zh = "收款方必须是品牌与导购以外的结算方；填写来源时必须同时填写收款方"
