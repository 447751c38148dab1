"""Every way reconciliation can say no."""

from tenants.kernel.errors import Conflict, Invalid, NotFound


class BillFileUnreadable(Invalid):
    """This is no whole bill: it was cut off, changed or packed otherwise; nothing of it was kept. Download it again."""

    zh = "账单文件无法读取或不完整，请重新下载，未导入任何内容"


class BillFileUnknown(Invalid):
    """The file has columns that no bill of ours has, or lacks some; nothing of it was kept."""

    zh = "账单表头无法识别，未导入任何内容"


class BillOfAnotherMerchant(Invalid):
    """The file holds rows of another merchant; nothing of it was kept."""

    zh = "账单中含有其他商户的记录，未导入任何内容"


class BillOfAnotherDay(Invalid):
    """The file holds rows of another day, or of several; nothing of it was kept."""

    zh = "账单日期不符或包含多日，未导入任何内容"


class BillInAnotherCurrency(Invalid):
    """The file holds amounts in another currency than CNY; nothing of it was kept."""

    zh = "账单币种不是人民币，未导入任何内容"


class BillAltered(Invalid):
    """The file's sums are not those of its rows: it was changed or cut off; nothing of it was kept. Download it again."""

    zh = "账单汇总与明细不符，文件可能被改动或截断，请重新下载，未导入任何内容"


class DayNotOver(Conflict):
    """The channel has no files of this day yet; nothing was compared and nothing was kept."""

    zh = "该日账单尚未生成，未对账、未保存任何内容"


class CashierTermsStand(Conflict):
    """Other terms stand from this day on already; terms are never edited, a change starts on another day."""

    zh = "该日已有不同的联合收银约定，不可修改，请另设起始日"


class DifferenceNotFound(NotFound):
    """There is no such difference."""

    zh = "差异不存在"


class DifferenceEnded(Conflict):
    """This difference is closed already."""

    zh = "该差异已关闭"
