"""WeChat Pay's bills as a person downloads them: told apart by their headers, packed or plain, in UTF-8 or GB18030, of a day or of several.

No digest comes with such a file. A trade, fund or split bill ends with its sums, so one without them was cut off; whether the sums are
those of the rows is looked at here for several days together, and for one day by whoever takes it in.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from settlement.reconciliation.states import BillKind
from storefront.adapters.wechat_pay.bill_spool import DayBill, spool


@contextmanager
def open_bill_file(path: Path) -> Iterator[tuple[BillKind, list[DayBill]]]:
    """Read a downloaded bill of any kind; its rows can be gone through as long as it is open. Raises BillUnreadable, BillColumnUnknown, BillAltered."""
    with tempfile.TemporaryDirectory(prefix="storefront-bill-") as folder:
        yield spool(path, folder=Path(folder))
