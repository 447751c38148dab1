"""WeChat Pay's way to say no, its way to write times, and its rounding: what all parts of the gateway share."""

from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
WHOLE_BPS = 10_000


class GatewayRefusal(Exception):
    """WeChat's no: HTTP status, code, sentence."""

    def __init__(self, status: int, code: str, *, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def wechat_time(moment: datetime) -> str:
    """Write a time as WeChat does."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def beijing_day(moment: datetime) -> date:
    """The day a bill counts this moment to."""
    return moment.astimezone(BEIJING).date()


def half_up(amount: int, *, numerator: int, denominator: int) -> int:
    """Amount × numerator / denominator, rounded half up."""
    return (2 * amount * numerator + denominator) // (2 * denominator)


def fee_on(amount: int, *, fee_bps: int) -> int:
    """WeChat's fee on an amount, half up."""
    return half_up(amount, numerator=fee_bps, denominator=WHOLE_BPS)
