"""An amount in the capital figures that Chinese vouchers spell (大写金额), so that nobody adds a stroke to it."""

from tenants.kernel.money import Fen

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿", "万亿", "亿亿")
GROUP = 10_000


def capital_yuan(amount: Fen) -> str:
    """Fen in capital figures: 12345 is 壹佰贰拾叁元肆角伍分; a negative amount begins with 负."""
    sign, fen = ("负", -amount) if amount < 0 else ("", int(amount))
    yuan, rest = divmod(fen, 100)
    jiao, cents = divmod(rest, 10)
    whole = f"{_whole(yuan)}元" if yuan else ""
    if not rest:
        return f"{sign}{whole or '零元'}整"
    # Where the jiao is nothing a zero says so, or 元伍分 could be read as 元伍角.
    between = f"{DIGITS[jiao]}角" if jiao else ("零" if yuan else "")
    return f"{sign}{whole}{between}{f'{DIGITS[cents]}分' if cents else '整'}"


def _whole(number: int) -> str:
    """A whole number, group by group of four digits."""
    groups = []
    while number:
        number, group = divmod(number, GROUP)
        groups.append(group)
    told = ""
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if not group:
            continue
        gap = told and (group < GROUP // 10 or groups[place + 1] % 10 == 0)
        told += f"{'零' if gap else ''}{_group(group)}{GROUPS[place]}"
    return told


def _group(group: int) -> str:
    told, zero = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            told += f"{'零' if zero and told else ''}{DIGITS[digit]}{PLACES[place]}"
            zero = False
        else:
            zero = True
    return told
