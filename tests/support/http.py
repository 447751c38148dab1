"""Talking HTTP to the app inside the tests' own loop, as anybody: every answer is checked for its frame and against the API's description."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Self
from uuid import UUID

import httpx
import msgspec
from litestar import Litestar

from storefront.documentation import openapi
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring
from tenants.kernel.ids import SessionId, new_id
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole

OPERATION = "x-test-operation"
KEYS = {"code", "msg", "data", "requestId"}


class Marked:
    """The app, with the name of the operation that answered added as a header."""

    def __init__(self, app: Litestar) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        async def send_marked(message) -> None:
            if message["type"] == "http.response.start":
                operation = getattr(scope.get("route_handler"), "operation_id", None)
                mark = operation if isinstance(operation, str) else ""
                message["headers"] = [*message["headers"], (OPERATION.encode(), mark.encode())]
            await send(message)

        await self.app(scope, receive, send_marked)


class Client:
    """One caller. `as_…` gives further callers; requests are httpx's, answers are checked on the way."""

    def __init__(self, app: Litestar, headers: dict[str, str] | None = None) -> None:
        self.app = app
        self.wiring: Wiring = app.state.wiring
        self.headers = headers or {}
        transport = httpx.ASGITransport(Marked(app))
        self.http = httpx.AsyncClient(
            transport=transport, base_url="http://testserver.local", headers=self.headers
        )

    def with_headers(self, **headers: str) -> Self:
        """The same caller with more headers: `with_headers(x_store_id=…)`."""
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        return type(self)(self.app, self.headers | named)

    def as_principal(self, principal: Principal, *, at: datetime | None = None) -> Self:
        """A caller with a genuine token for `principal`."""
        token, _ = self.wiring.tokens.issue(principal, now=at or datetime.now(UTC))
        return self.with_headers(authorization=f"Bearer {token}")

    def as_visitor(self, tenant: TenantScope) -> Self:
        """A guest of the tenant's mini-program."""
        return self.with_headers(x_tenant_id=str(tenant.tenant_id))

    def as_shopper(self, tenant: TenantScope, shopper_id: UUID | None = None) -> Self:
        """A shopper who has logged in."""
        return self.as_principal(
            Principal(
                audience=Audience.SHOPPER,
                subject=shopper_id or new_id(),
                session_id=SessionId(new_id()),
                tenant_id=tenant.tenant_id,
            )
        )

    def as_staff(self, tenant: TenantScope, role: StaffRole, **place: Any) -> Self:
        """A staff member: `staff_id`, `store_id`, `mall_id`, `guide_id`."""
        subject = place.pop("staff_id", None) or new_id()
        return self.as_principal(
            Principal(
                audience=Audience.STAFF,
                subject=subject,
                session_id=SessionId(new_id()),
                tenant_id=tenant.tenant_id,
                role=role,
                **place,
            )
        )

    def as_operator(self) -> Self:
        """One of the platform's own people."""
        return self.as_principal(
            Principal(audience=Audience.OPERATOR, subject=new_id(), session_id=SessionId(new_id()))
        )

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; `json` may hold structs, ids and times."""
        if "json" in options:
            options["content"] = msgspec.json.encode(options.pop("json"))
            options["headers"] = {"content-type": "application/json", **options.get("headers", {})}
        response = await self.http.request(method, path, **options)
        check_answer(self.app, response)
        return response

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("DELETE", path, **options)


def answered(response: httpx.Response, status: int | None = None) -> Any:
    """The `data` of a good answer."""
    assert response.is_success, response.text
    assert status is None or response.status_code == status, response.text
    return response.json()["data"]


def refused(response: httpx.Response, status: int, code: str) -> dict[str, str]:
    """Check a refusal; returns its details."""
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return response.json().get("details", {})


def check_answer(app: Litestar, response: httpx.Response) -> None:
    """JSON is framed, and what an operation answers stands in its description."""
    operation = response.headers[OPERATION]
    described = documented(app).get(operation)
    if described is None:
        if not response.is_success:
            assert response.json().keys() >= KEYS
        return
    statuses, framed = described
    status = str(response.status_code)
    if response.request.headers.get("x-status-in-body") == "1" or not framed:
        return
    assert status in statuses or response.status_code == 405, (
        f"{operation} does not document {status}: {response.text}"
    )
    if response.headers.get("content-type", "").startswith("application/json"):
        body = response.json()
        assert body.keys() - {"details"} == KEYS, response.text
        if not response.is_success:
            assert body["code"] in statuses.get(status, {body["code"]}), (
                f"{operation} does not document {status} {body['code']}"
            )


@cache
def documented(app: Litestar) -> dict[str, tuple[dict[str, set[str]], bool]]:
    """Operation -> its documented statuses with their codes, and whether its answers are framed."""
    found: dict[str, tuple[dict[str, set[str]], bool]] = {}
    for methods in openapi(app)["paths"].values():
        for operation in methods.values():
            codes = {}
            for status, response in operation["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema", {})
                narrowed = schema.get("allOf", [{}, {}])[1].get("properties", {})
                codes[status] = set(narrowed.get("code", {}).get("enum", ["OK"]))
            found[operation["operationId"]] = (
                codes,
                any("Failure" in str(r) for r in operation["responses"].values()),
            )
    return found
