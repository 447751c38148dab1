"""What `storefront up --check` asks of the storefront it has just started: a small tour, over HTTP, as the outside would."""

import json
from collections.abc import Callable, Iterator

from storefront.cli.panel import first_of_each_audience, fresh_token, shopper_token
from storefront.cli.running import Running, ask
from storefront.cli.seed import kept_report

OK = 200


def self_test(running: Running) -> Iterator[tuple[str, str | None]]:
    """Each check's name with what is wrong, or None."""
    for name, check in _checks(running).items():
        try:
            yield name, check()
        except (OSError, ValueError, KeyError, StopIteration) as error:
            yield name, f"{type(error).__name__}: {error}"
    ended = running.ended_part()
    yield (
        "all processes still run",
        None if ended is None else f"the {ended.name} ended: {ended.last_words()}",
    )


def _checks(running: Running) -> dict[str, Callable[[], str | None]]:
    checks: dict[str, Callable[[], str | None]] = {
        "the API is ready": lambda: _answers(f"{running.url}/health/ready", b"data"),
        "the documentation page loads": lambda: _answers(f"{running.url}/docs", b"swagger"),
        "the API describes itself": lambda: _answers(f"{running.url}/openapi.json", b"openapi"),
        "metrics are served": lambda: _answers(
            f"http://{running.wanted.host}:{running.wanted.metrics_port}/metrics", b"storefront_requests"
        ),
        "an unknown address is refused in the frame": lambda: _unknown(running),
    }
    report = kept_report(running.wanted.home)
    if report is not None:
        for login in first_of_each_audience(report):
            checks[f"the demonstration's {login.audience} logs in"] = lambda login=login: (  # type: ignore[misc]
                None if fresh_token(running, login) else "refused"
            )
        if _serves(running, "/shopper/v1/sessions"):
            checks["a shopper logs in through WeChat's simulator"] = lambda: (
                None if shopper_token(running, report) else "refused"
            )
        if _serves(running, "/shopper/v1/listings"):
            checks["the flagship lists something"] = lambda: _lists(running)
    return checks


def _answers(url: str, holding: bytes) -> str | None:
    status, body = ask(url)
    if status != OK:
        return f"answered {status}"
    return None if holding in body else "answered something else"


def _unknown(running: Running) -> str | None:
    status, body = ask(f"{running.url}/nothing-here")
    framed = {"code", "msg", "requestId"} <= set(json.loads(body))
    return None if status == 404 and framed else f"answered {status}"  # noqa: PLR2004 not found


def _serves(running: Running, path: str) -> bool:
    _, body = ask(f"{running.url}/openapi.json")
    return path in json.loads(body)["paths"]


def _lists(running: Running) -> str | None:
    report = kept_report(running.wanted.home)
    if report is None:
        return "there is no demonstration"
    brand = report.brands[0]
    headers = {"X-Appid": brand.appid, "X-Store-Id": brand.flagship_id}
    status, body = ask(f"{running.url}/shopper/v1/listings?limit=3", headers=headers)
    if status != OK:
        return f"answered {status}: {body[:200]!r}"
    return None if json.loads(body)["data"] else "nothing is listed"
