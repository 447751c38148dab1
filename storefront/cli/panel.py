"""What `storefront up` shows at the end: addresses, log-ins with fresh tokens, and three lines that work when pasted."""

# ruff: noqa: PLC0415 imported when shown

import json
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from storefront.cli.running import Running, ask

if TYPE_CHECKING:
    from storefront.demo.report import DemoLogin, DemoReport

CREATED = 201


def show_panel(console: Console, running: Running, *, seconds: float) -> None:
    """Print the panel; without a demonstration only the addresses."""
    from storefront.cli.seed import kept_report

    report = kept_report(running.wanted.home)
    title = f"storefront is up ({seconds:.1f} s)"
    parts: list[Table | Text] = [_addresses(running)]
    if report is not None:
        parts += [_logins(report), _tokens(running, report)]
    console.print(Panel(Group(*parts), title=title, subtitle="Ctrl-C stops everything", expand=False))
    # Outside the frame, so that a line can be copied whole.
    for line in curl_lines(running, report):
        console.print(Text(line), soft_wrap=True)


def _addresses(running: Running) -> Table:
    table = Table.grid(padding=(0, 2))
    settings = running.settings
    for name, value in (
        ("API", running.url),
        ("API documentation", f"{running.url}/docs"),
        ("health", f"{running.url}/health/ready"),
        ("metrics", f"http://{running.wanted.host}:{running.wanted.metrics_port}/metrics"),
        ("WeChat simulator", settings.wechat_pay_url),
        ("data and logs", str(running.wanted.home)),
    ):
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _logins(report: "DemoReport") -> Table:
    table = Table(
        "audience",
        "role",
        "brand",
        "log-in",
        "password",
        "where",
        box=None,
        header_style="bold",
        padding=(0, 1),
    )
    for login in report.logins:
        table.add_row(
            login.audience,
            login.role,
            login.tenant_code or "",
            login.login,
            Text(login.password),
            login.place,
        )
    return table


def _tokens(running: Running, report: "DemoReport") -> Text:
    lines = ["access tokens (15 minutes; log in again with the log-ins above):"]
    for audience in dict.fromkeys(login.audience for login in report.logins):
        login = next(each for each in report.logins if each.audience == audience)
        lines.append(
            f"{audience} ({login.login}): {fresh_token(running, login) or 'log-in failed, see the API’s log'}"
        )
    shopper = shopper_token(running, report)
    if shopper:
        lines.append(f"shopper ({report.brands[0].code}): {shopper}")
    return Text("\n".join(lines), overflow="fold")


def fresh_token(running: Running, login: "DemoLogin") -> str | None:
    """Log in over HTTP, as a front end would."""
    body = {"login": login.login, "password": login.password}
    if login.tenant_code is not None:
        body["tenantCode"] = login.tenant_code
    status, answer = ask(f"{running.url}/{login.audience}/v1/sessions", method="POST", body=body)
    return str(json.loads(answer)["data"]["accessToken"]) if status == CREATED else None


def shopper_token(running: Running, report: "DemoReport") -> str | None:
    """Log a made-up shopper in through the simulator, if there is one."""
    if not report.brands or not any(part.name == "simulator" for part in running.parts):
        return None
    appid = report.brands[0].appid
    code = wechat_code(running, appid=appid)
    if code is None:
        return None
    status, answer = ask(
        f"{running.url}/shopper/v1/sessions", method="POST", body={"code": code}, headers={"X-Appid": appid}
    )
    return str(json.loads(answer)["data"]["accessToken"]) if status == CREATED else None


def wechat_code(running: Running, *, appid: str) -> str | None:
    """What wx.login would give the front end."""
    status, answer = ask(
        f"{running.simulator_url}/control/logins",
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
        f"curl -s {running.url}/shopper/v1/listings?limit=3 -H 'X-Appid: {brand.appid}' -H 'X-Store-Id: {brand.flagship_id}'"
    )
    body = json.dumps({"login": operator.login, "password": operator.password})
    lines.append(
        f"curl -s {running.url}/operator/v1/sessions -H 'Content-Type: application/json' -d '{body}'"
    )
    return lines
