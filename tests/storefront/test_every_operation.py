"""Every operation of the description, walked by a clumsy and hostile client: framed, documented, never a 5xx."""

import random
import re
from typing import Any

import pytest

from storefront.documentation import openapi
from storefront.tokens import Audience
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.ids import MallId, StaffId, StoreId, new_id
from tenants.states import StaffRole
from tests.support.http import Client

HOSTILE = [
    None, "", " ", "x" * 5000, "a\x00b", "١٢", "１２", "\u202e", "'; DROP TABLE app.orders; --", "../../etc/passwd", "{}",
    0, -1, 1.5, 1e300, 2**31, 2**53 - 1, 2**53, 2**63, True, [], {}, [[]], [None], {"a": {"a": {}}},
    "2026-11-21T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2026-02-30", "24:00",
    "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
QUERIES = [
    "",
    "%00",
    "%ED%A0%80",
    "x",
    "-1",
    "1.5",
    str(2**31),
    str(2**63),
    "a" * 3000,
    "2026-11-21T00:00:00",
    "null",
    "'--",
]
SESSIONS = re.compile(r"sessions|callbacks")


TEXTS = ["lin", "10001234", "123456789012", "Asia/Shanghai", "A1B2C3D4E5", "home", "09:00", "x" * 32]
FORMATS = {
    "uuid": lambda: str(new_id()),
    "date-time": lambda: "2026-11-21T08:00:00+08:00",
    "date": lambda: "2026-11-21",
}
PLAIN = {"number": 1.5, "boolean": True, "null": None}
DEEPEST = 6


def example(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits a schema well enough to be let through to the verb."""
    while "$ref" in schema or "oneOf" in schema:
        # A nullable field has its bounds outside of the choice.
        named = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["oneOf"][0]
        schema = named | {name: value for name, value in schema.items() if name not in ("$ref", "oneOf")}
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type", "string")
    if kind == "object":
        fields = schema.get("properties", {}) if depth < DEEPEST else {}
        return {name: example(each, schemas, depth + 1) for name, each in fields.items()}
    if kind == "array":
        return [example(schema.get("items", {}), schemas, depth + 1)] if depth < DEEPEST else []
    if kind == "integer":
        return int(schema.get("minimum", 1))
    return PLAIN[kind] if kind in PLAIN else example_text(schema)


def example_text(schema: dict[str, Any]) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]()
    fitting = (each for each in TEXTS if re.search(schema.get("pattern", ""), each))
    return next(fitting, "x").ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 99)]


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every position inside a body, the whole of it included."""
    inner: list[tuple] = [path]
    if isinstance(value, dict):
        for name, each in value.items():
            inner += places(each, (*path, name))
    if isinstance(value, list):
        for number, each in enumerate(value):
            inner += places(each, (*path, number))
    return inner


def with_value(body: Any, path: tuple, value: Any) -> Any:
    """The body with another value at one place."""
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = with_value(copy[path[0]], path[1:], value)
    return copy


@pytest.fixture(scope="module")
def description(app):
    return openapi(app)


@pytest.fixture(scope="module")
def operations(description):
    schemas = description["components"]["schemas"]
    found = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parameters = [
                {**parameter, "example": example(parameter["schema"], schemas)}
                for parameter in operation.get("parameters", [])
            ]
            found.append((method.upper(), path, {**operation, "parameters": parameters}))
    return found


@pytest.fixture
async def somebody(tenant, now) -> StaffId:
    """A person on the brand's staff: genuine tokens always name one."""
    command = EmployStaff(login="lin", name="林", password="long enough", role=StaffRole.FINANCE)
    async with tenant.writing() as db:
        return (await employ_staff(db, command, password_hash="none", now=now)).id


def caller_for(client: Client, tenant, operation, staff_id: StaffId) -> Client:
    """Somebody whom the operation admits."""
    audiences = operation.get("x-audiences", [])
    if Audience.STAFF in audiences:
        role = StaffRole((operation.get("x-roles") or [StaffRole.BRAND_HQ])[0])
        place = {"store_id": StoreId(new_id())} if role in {StaffRole.GUIDE, StaffRole.STORE_MANAGER} else {}
        place |= {"mall_id": MallId(new_id())} if role is StaffRole.MALL_FINANCE else {}
        return client.as_staff(tenant, role, staff_id=staff_id, **place)
    if Audience.OPERATOR in audiences:
        return client.as_operator()
    return client.as_shopper(tenant) if Audience.SHOPPER in audiences else client


def filled(path: str, operation: dict[str, Any], value: str | None = None) -> str:
    """The path with its parameters filled in: by values that fit, or all by `value`."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            fitting = value if value is not None else str(parameter["example"])
            path = path.replace("{" + parameter["name"] + "}", fitting)
    return path


def body_of(operation: dict[str, Any], description: dict[str, Any]) -> Any:
    """A body that fits, or None for an operation without one."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return example(content["schema"], description["components"]["schemas"]) if content else None


class Faults(list[str]):
    """What went wrong on the walk: all of it, so that one run shows the whole list."""

    async def watch(self, caller: Client, method: str, path: str, **options: Any) -> None:
        """Send a request; note a 5xx, an answer without its frame, and one that the description does not know."""
        given = {"x-store-id": str(new_id()), "idempotency-key": str(new_id()), **options.pop("headers", {})}
        try:
            response = await caller.request(method, path, headers=given, **options)
        except AssertionError as error:
            self.append(f"{method} {path[:90]}: {str(error)[:160]}")
            return
        if response.status_code >= 500:
            self.append(f"{method} {path[:90]} {str(options)[:200]}: {response.text}")

    def none(self) -> None:
        """Fail with one line for each fault."""
        assert not self, "\n".join(dict.fromkeys(self))


async def test_without_a_log_in_nothing_but_the_open_doors_opens(client, operations):
    for method, path, operation in operations:
        response = await client.request(method, filled(path, operation))
        if operation.get("security") and {} not in operation["security"]:
            assert (response.status_code, response.json()["code"]) == (401, "LOGIN_REQUIRED"), path
        else:
            assert response.status_code != 500, path


async def test_the_wrong_audience_opens_nothing(client, tenant, operations):
    callers = {
        Audience.SHOPPER: client.as_shopper(tenant),
        Audience.OPERATOR: client.as_operator(),
        Audience.STAFF: client.as_staff(tenant, StaffRole.FINANCE),
    }
    for method, path, operation in operations:
        for audience, caller in callers.items():
            if (audiences := operation.get("x-audiences")) and audience not in audiences:
                response = await caller.request(method, filled(path, operation))
                assert (response.status_code, response.json()["code"]) == (403, "AUDIENCE_NOT_ALLOWED"), path


async def test_the_wrong_role_opens_nothing(client, tenant, operations):
    for method, path, operation in operations:
        for role in set(StaffRole) - set(operation.get("x-roles", StaffRole)):
            response = await client.as_staff(tenant, role).request(method, filled(path, operation))
            assert (response.status_code, response.json()["code"]) == (403, "ROLE_NOT_ALLOWED"), (path, role)


async def test_hostile_paths_and_queries_are_refused_in_the_frame(client, tenant, somebody, operations):
    faults = Faults()
    for method, path, operation in operations:
        if SESSIONS.search(path):
            continue
        caller = caller_for(client, tenant, operation, somebody)
        if "{" in path:
            for value in QUERIES:
                await faults.watch(caller, method, filled(path, operation, value or "%20"))
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                for value in QUERIES:
                    await faults.watch(
                        caller, method, f"{filled(path, operation)}?{parameter['name']}={value}"
                    )
            if parameter["in"] == "header":
                for value in ("", "x", "\\", "1" * 3000, "é"):
                    await faults.watch(
                        caller,
                        method,
                        filled(path, operation),
                        headers={parameter["name"].lower(): value.encode()},
                    )
    faults.none()


async def test_hostile_bodies_are_refused_in_the_frame(client, tenant, somebody, description, operations):
    dice, sent, faults = random.Random(20261121), 0, Faults()
    for method, path, operation in operations:
        body = body_of(operation, description)
        if body is None or SESSIONS.search(path):
            continue
        caller = caller_for(client, tenant, operation, somebody)
        await faults.watch(caller, method, filled(path, operation), json=body)
        for place in places(body):
            for value in dice.sample(HOSTILE, 5):
                await faults.watch(
                    caller, method, filled(path, operation), json=with_value(body, place, value)
                )
                sent += 1
    faults.none()
    assert sent > 300


async def test_unknown_fields_are_refused_everywhere(client, tenant, somebody, description, operations):
    """Mass assignment: no body may carry a column's or another schema's name along."""
    names = {
        name
        for schema in description["components"]["schemas"].values()
        for name in schema.get("properties", {})
    }
    names |= {
        "tenant_id",
        "tenantId",
        "status",
        "role",
        "paid_fen",
        "paidFen",
        "is_flagship",
        "__proto__",
        "id",
    }
    for method, path, operation in operations:
        body = body_of(operation, description)
        if body is None or SESSIONS.search(path):
            continue
        caller = caller_for(client, tenant, operation, somebody)
        if not isinstance(body, dict):
            continue
        for name in sorted(names - body.keys())[:: max(1, len(names) // 50)]:
            response = await caller.request(
                method,
                filled(path, operation),
                json={**body, name: 1},
                headers={"idempotency-key": str(new_id()), "x-store-id": str(new_id())},
            )
            assert response.status_code in {400, 422}, (path, name, response.text)
