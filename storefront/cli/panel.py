"""What `storefront up` shows at the end: addresses, log-ins with fresh tokens, and three lines that work when pasted."""

# ruff: noqa: PLC0415 imported when shown

import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from storefront.cli.running import Running, ask

if TYPE_CHECKING:
    from storefront.demo.report import DemoLogin, DemoReport

CREATED = 201


def show_panel(console: Console, running: Running, *, seconds: float) -> None:
    """Print the panel; without a demonstration only the addresses.

    Ruled above and below but not at the sides, and never folded: every token and every line can be copied whole.
    """
    from storefront.cli.seed import kept_report

    report = kept_report(running.wanted.home)
    console.rule(f"storefront is up ({seconds:.1f} s)")
    sections = [_addresses(running)]
    if report is not None:
        sections += [_logins(report), _tokens(running, report)]
    sections.append(["try it:", *curl_lines(running, report)])
    for section in sections:
        for line in section:
            console.print(Text(line), soft_wrap=True)
        console.print()
    console.rule("Ctrl-C stops everything")


def _addresses(running: Running) -> list[str]:
    settings = running.settings
    rows = {
        "API": running.url,
        "documentation": f"{running.url}/docs",
        "health": f"{running.url}/health/ready",
        "metrics": f"http://{running.wanted.host}:{running.wanted.metrics_port}/metrics",
        "WeChat": f"{settings.wechat_pay_url} (simulated)" if running.simulates else settings.wechat_pay_url,
        "data and logs": str(running.wanted.home),
    }
    width = max(len(name) for name in rows)
    return [f"  {name.ljust(width)}  {value}" for name, value in rows.items()]


def _logins(report: "DemoReport") -> list[str]:
    rows = [("brand", "log-in", "password", "role", "place")]
    rows += [
        (each.tenant_code or f"({each.audience})", each.login, each.password, each.role, each.place)
        for each in report.logins
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]]) for row in rows
    ]
    return ["log-ins of the demonstration:", *(f"  {line}" for line in lines)]


def _tokens(running: Running, report: "DemoReport") -> list[str]:
    lines = ["access tokens, good for 15 minutes:"]
    for login in first_of_each_audience(report):
        token = fresh_token(running, login) or "the log-in failed; see the log api.log"
        lines.append(f"  {login.audience} {login.tenant_code or ''} {login.login}: {token}")
    shopper = shopper_token(running, report)
    if shopper is not None:
        lines.append(f"  shopper {report.brands[0].code}: {shopper}")
    return lines


def first_of_each_audience(report: "DemoReport") -> list["DemoLogin"]:
    """One log-in for each audience that logs in by password."""
    return list({login.audience: login for login in reversed(report.logins)}.values())[::-1]


def fresh_token(running: Running, login: "DemoLogin") -> str | None:
    """Log in over HTTP, as a front end would."""
    body = {"login": login.login, "password": login.password}
    if login.tenant_code is not None:
        body["tenantCode"] = login.tenant_code
    status, answer = ask(f"{running.url}/{login.audience}/v1/sessions", method="POST", body=body)
    return str(json.loads(answer)["data"]["accessToken"]) if status == CREATED else None


def shopper_token(running: Running, report: "DemoReport") -> str | None:
    """Log a made-up shopper in through the simulator, if there is one."""
    if not report.brands or not running.simulates:
        return None
    appid = report.brands[0].appid
    code = wechat_code(running, appid=appid)
    if code is None:
        return None
    status, answer = ask(
        f"{running.url}/shopper/v1/sessions", method="POST", body={"code": code, "appid": appid}
    )
    return str(json.loads(answer)["data"]["accessToken"]) if status == CREATED else None


def wechat_code(running: Running, *, appid: str) -> str | None:
    """What wx.login would give the front end."""
    status, answer = ask(
        f"{running.simulator_url}/simulator/logins",
        method="POST",
        body={"appid": appid, "openid": None, "unionid": None},
    )
    return str(json.loads(answer)["data"]["code"]) if status in (200, CREATED) else None


def curl_lines(running: Running, report: "DemoReport | None") -> list[str]:
    """Three requests that work when pasted."""
    lines = [f"curl -s {running.url}/health/ready"]
    if report is None or not report.brands:
        return [*lines, f"curl -s {running.url}/openapi.json | head -c 400"]
    brand, operator = report.brands[0], next(login for login in report.logins if login.audience == "operator")
    lines.append(
        f"curl -s '{running.url}/shopper/v1/listings?limit=3' -H 'X-Appid: {brand.appid}' -H 'X-Store-Id: {brand.flagship_id}'"
    )
    body = json.dumps({"login": operator.login, "password": operator.password})
    lines.append(
        f"curl -s {running.url}/operator/v1/sessions -H 'Content-Type: application/json' -d '{body}'"
    )
    return lines
