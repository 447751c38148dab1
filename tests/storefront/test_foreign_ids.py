"""No brand sees another through the API: at every position of every operation a neighbour's id answers as one that names nothing.

The positions come from the API's description, what stands in them from `foreign_rows`; an operation or an id without its place there
fails. The neighbour's texts and ids are canaries: they may be in no answer, no header and no line of the log.
"""

import io
import json
import logging
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
import msgspec
import pytest
import structlog
from litestar import get
from litestar.params import FromPath

from orders.errors import OrderNotFound
from orders.queries import order_of_shopper
from orders.views import OrderView
from storefront import app as product
from storefront.app import create_app
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, shopper
from storefront.documentation import openapi
from storefront.frame import refusals
from storefront.observability import configure_logging
from tenants.kernel.ids import OrderId, ShopperId, new_id, random_code
from tests.storefront.foreign_rows import ACROSS, MAY_DIFFER, NEW_NAMES, PLAIN, ROWS, Ask
from tests.storefront.simulators.till import control, http, merchant_key
from tests.support.http import Client
from tests.support.neighbours import World, build_world
from tests.support.open_shop import open_shop
from tests.support.rows import value
from tests.support.trading import open_trading

__all__ = ["control", "http", "merchant_key"]

MARK = "隔壁金丝雀"
OWN_MARK = "自家"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
NUMBERS = re.compile(
    r'"(orderNo|paymentNo|refundNo|sceneCode|nonceStr|paySign|package|timeStamp)":\s*"[^"]*"'
)


@pytest.fixture(scope="module")
async def shop(settings, passwords, control):
    async with open_shop(settings, control=control, passwords=passwords) as opened:
        yield opened


@pytest.fixture(scope="module")
async def worlds(shop, database, keys, control, merchant_key) -> tuple[World, World]:
    """Our brand, and the neighbour."""
    built = []
    for mark in (OWN_MARK, MARK):
        trading = await open_trading(
            database, keys=keys, control=control, channels=shop.wiring.channels, pair=merchant_key
        )
        built.append(await build_world(trading, client=Client(shop.app), mark=mark))
    mine, theirs = built
    for world in built:
        world.ids |= {"other_sku": world.trading.tea.sku, "third_sku": await third_sku(world)}
        world.ids["fresh_key"] = world.ids["key"]
    mine.ids["fresh_key"] = "own-fresh-key"
    mine.ids["cursor_tenants"] = theirs.ids[
        "cursor_tenants"
    ]  # while ours was the only brand there was no second page
    return mine, theirs


async def third_sku(world: World) -> Any:
    return await value(
        world.tenant, "SELECT id FROM app.skus WHERE tenant_id = :t AND spu_id = :s", s=world.ids["spu"]
    )


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Everything this process logs."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level, ours = root.handlers, root.level, logging.getLogger("storefront").level
    with patch.object(sys, "stderr", stream):
        configure_logging("DEBUG")
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("storefront").setLevel(ours)
    structlog.reset_defaults()


def places(template: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], str]]:
    """Where ids stand in a template, and of which kind."""
    if isinstance(template, dict):
        return [found for name, each in template.items() for found in places(each, (*path, name))]
    if isinstance(template, list):
        return [found for number, each in enumerate(template) for found in places(each, (*path, number))]
    return [(path, template[1:])] if isinstance(template, str) and template.startswith("$") else []


def filled(
    template: Any, world: World, *, path: tuple[Any, ...] = (), given: dict[Any, Any] | None = None
) -> Any:
    """The template with this brand's ids, but for the places that are given."""
    given = given or {}
    if path in given:
        return given[path]
    if isinstance(template, dict):
        return {name: filled(each, world, path=(*path, name), given=given) for name, each in template.items()}
    if isinstance(template, list):
        return [filled(each, world, path=(*path, at), given=given) for at, each in enumerate(template)]
    if template == "#":
        return random_code(10)
    return world.ids[template[1:]] if isinstance(template, str) and template.startswith("$") else template


class Matrix:
    """Asks as our brand, and compares."""

    def __init__(self, client: Client, mine: World, theirs: World) -> None:
        self.client, self.mine, self.theirs = client, mine, theirs
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in openapi(client.app)["paths"].items()
            for method, operation in methods.items()
        }
        self.faults: list[str] = []
        self.compared = 0
        self.answers: list[tuple[str, httpx.Response, str]] = []

    async def send(self, name: str, ask: Ask, given: dict[Any, Any] | None = None) -> httpx.Response:
        method, path, _ = self.operations[name]
        whole = filled(msgspec.to_builtins(ask), self.mine, given=given)
        for parameter, each in whole["path"].items():
            path = path.replace("{" + parameter + "}", str(each))
        caller = self.mine.client(self.client, ask.role)
        options = {} if whole["body"] is None else {"json": whole["body"]}
        headers = {each: str(value) for each, value in whole["headers"].items()}
        answer = await caller.request(method, path, params=whole["query"], headers=headers, **options)
        sent = "" if not given else " ".join(str(each) for each in given.values())
        self.answers.append((name, answer, sent))
        return answer

    async def compare(self, name: str, ask: Ask, *, at: tuple[Any, ...], foreign: Any, missing: Any) -> None:
        """A foreign id and one that names nothing must be answered alike."""
        first = await self.send(name, ask, {at: foreign})
        second = await self.send(name, ask, {at: missing})
        self.compared += 1
        told, expected = normal(first, foreign), normal(second, missing)
        if told != expected:
            self.faults.append(f"{name} {at}: {told} but for nothing {expected}")

    def leaks(self, texts: set[str], ids: set[str]) -> list[str]:
        """Canaries in answers: a text always, an id unless the request named it."""
        found = []
        for name, answer, sent in self.answers:
            if ROWS[name].role == "operator":  # who looks after every brand
                continue
            told = readable(answer) + str(answer.headers)
            found += [f"{name}: {text}" for text in texts if text in told]
            found += [f"{name}: id {each}" for each in ids if each in told and each not in sent]
        return found


def normal(answer: httpx.Response, sent: Any) -> tuple[int, str]:
    """Status and body, without the request's id, what was sent, and what every new row has of its own."""
    body = readable(answer)
    if answer.headers.get("content-type", "").startswith("application/json"):
        content = answer.json()
        content.pop("requestId", None)
        body = json.dumps(content, ensure_ascii=False, sort_keys=True)
    body = body.replace(str(sent), "<sent>")
    return answer.status_code, NUMBERS.sub(r'"\1":"…"', MOMENTS.sub("<at>", UUIDS.sub("<id>", body)))


def readable(answer: httpx.Response) -> str:
    """The body as text; of a workbook the text inside."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            return "".join(packed.read(name).decode(errors="replace") for name in packed.namelist())
    return answer.text


def leaves(
    schema: dict[str, Any], schemas: dict[str, Any], *, name: str, depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Every leaf of a body's schema with the name of its field."""
    if depth > 12:
        return
    if "$ref" in schema:
        yield from leaves(schemas[schema["$ref"].rpartition("/")[2]], schemas, name=name, depth=depth + 1)
    for each in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
        yield from leaves(each, schemas, name=name, depth=depth + 1)
    for field, each in schema.get("properties", {}).items():
        yield from leaves(each, schemas, name=field, depth=depth + 1)
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from leaves(inner, schemas, name=name, depth=depth + 1)
    if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
        yield name, schema


@pytest.fixture(scope="module")
def matrix(shop, worlds) -> Matrix:
    return Matrix(Client(shop.app), *worlds)


def test_every_operation_and_every_id_in_it_has_its_place_in_the_matrix(matrix):
    schemas = openapi(matrix.client.app)["components"]["schemas"]
    assert matrix.operations.keys() == ROWS.keys()
    missing = []
    for name, (_, _, operation) in matrix.operations.items():
        ask = msgspec.to_builtins(ROWS[name])
        named = {
            next(str(part) for part in reversed(path) if isinstance(part, str)) for path, _ in places(ask)
        }
        given = [(each["name"], each["schema"]) for each in operation.get("parameters", [])]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body and name != "savePageDraft":  # a page's components are texts but for the ids of `dataRef`
            given += leaves(body["schema"], schemas, name="")
        for field, schema in given:
            formats = {schema.get("format"), *(each.get("format") for each in schema.get("oneOf", []))}
            known = field in named or field in ("X-Tenant-Id", "X-Appid") or (name, field) in NEW_NAMES
            if "date-time" in formats or known or ("uuid" not in formats and field in PLAIN):
                continue
            missing.append(f"{name}.{field}")
    excused = {"createTenant.orgId": "the operators' own word for a group of brands; no row has it"}
    excused |= {"employStaff.mallId": "malls are shared", "employFirstStaff.mallId": "malls are shared"}
    assert set(missing) - excused.keys() == set()


async def test_a_neighbours_id_answers_as_one_that_names_nothing_everywhere(matrix, worlds, log_lines):
    _, theirs = worlds
    for name, ask in ROWS.items():
        for at, kind in places(msgspec.to_builtins(ask)):
            foreign, missing = theirs.ids[kind], theirs.shape_of_nothing(kind)
            if kind not in MAY_DIFFER:
                await matrix.compare(name, ask, at=at, foreign=foreign, missing=missing)
            else:
                await matrix.send(name, ask, {at: missing})
        for header, kind in (("X-Tenant-Id", "tenant"), ("X-Appid", "appid")):
            if ask.role in ("guest", "nobody", "operator"):
                continue
            named = msgspec.structs.replace(ask, headers={**ask.headers, header: f"${kind}", **fresh(ask)})
            if any(each["name"] == header for each in matrix.operations[name][2].get("parameters", [])):
                options = {"foreign": theirs.ids[kind], "missing": theirs.shape_of_nothing(kind)}
                if matrix.operations[name][0] == "GET":
                    await matrix.compare(name, named, at=("headers", header), **options)
    assert not matrix.faults, "\n".join(matrix.faults)
    for name, ask in ROWS.items():
        answer = await matrix.send(name, ask)
        assert answer.status_code == ask.own, (name, answer.text)
    ids = {str(theirs.ids[kind]) for kind in theirs.ids if kind not in MAY_DIFFER and kind != "tenant"}
    assert matrix.leaks(theirs.texts, ids) == []
    assert [each for each in theirs.texts | ids if each in log_lines.getvalue()] == []
    assert matrix.compared > 130
    assert any(OWN_MARK in readable(answer) for _, answer, _ in matrix.answers)


def fresh(ask: Ask) -> dict[str, str]:
    """A key of its own where one is needed."""
    return {"Idempotency-Key": str(new_id())} if "Idempotency-Key" in ask.headers else {}


async def test_within_a_brand_what_is_anothers_answers_as_what_is_not_there(matrix, worlds):
    mine, _ = worlds
    matrix.faults.clear()
    for name, ask, kind, other in ACROSS:
        (at,) = {at for at, found in places(msgspec.to_builtins(ask)) if found == kind}
        await matrix.compare(name, ask, at=at, foreign=mine.ids[other], missing=mine.shape_of_nothing(kind))
        assert matrix.answers[-2][1].status_code in (403, 404), (name, matrix.answers[-2][1].text)
    assert not matrix.faults, "\n".join(matrix.faults)


async def test_a_code_of_another_store_is_told_apart_only_to_send_the_shopper_there(matrix, worlds):
    mine, theirs = worlds
    for world, code in ((mine, "PICKUP_AT_OTHER_STORE"), (theirs, "PICKUP_CODE_UNKNOWN")):
        given = {("body", "code"): world.ids["elsewhere_pickup"]}
        assert (await matrix.send("redeemPickup", ROWS["redeemPickup"], given)).json()["code"] == code


async def test_lists_show_a_role_only_what_is_its_own(matrix, worlds):
    mine, _ = worlds
    hidden = {"manager": "elsewhere_order", "shopper": "others_order", "mall": "other_statement"}
    lists = {"manager": "listStoreOrders", "shopper": "listOwnOrders", "mall": "listMallStatements"}
    for role, kind in hidden.items():
        method, path, _ = matrix.operations[lists[role]]
        answer = await mine.client(matrix.client, role).request(method, path)
        assert answer.status_code == 200
        assert str(mine.ids[kind]) not in answer.text


KEPT: dict[Any, Any] = {}


@get(
    "/shopper/v1/orders/{order_id:uuid}",
    operation_id="getOwnOrder",
    guards=[shopper],
    responses=refusals(OrderNotFound),
)
async def order_from_a_cache_without_tenants(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> OrderView:
    """The famous bug: a cache whose keys forget whose order it is."""
    if order_id not in KEPT:
        async with tenant.reading() as db:
            buyer = ShopperId(principal.subject)
            KEPT[order_id] = await order_of_shopper(db, OrderId(order_id), shopper_id=buyer, now=now)
    found: OrderView = KEPT[order_id]
    return found


async def test_a_route_without_scope_is_caught(shop, worlds, monkeypatch):
    """The control: the same comparison, over a route that forgets the tenant."""
    mine, theirs = worlds
    kept = [each for each in product.ROUTES if getattr(each, "operation_id", None) != "getOwnOrder"]
    monkeypatch.setattr(product, "ROUTES", kept)
    planted = Client(create_app(wiring=shop.wiring, routes=[order_from_a_cache_without_tenants]))
    owner = theirs.client(planted, "shopper")
    assert (await owner.get(f"/shopper/v1/orders/{theirs.ids['order']}")).status_code == 200
    matrix = Matrix(planted, mine, theirs)
    nothing = theirs.shape_of_nothing("order")
    at = ("path", "order_id")
    await matrix.compare(
        "getOwnOrder", ROWS["getOwnOrder"], at=at, foreign=theirs.ids["order"], missing=nothing
    )
    assert len(matrix.faults) == 1
    assert any(MARK in leak for leak in matrix.leaks(theirs.texts, set()))
