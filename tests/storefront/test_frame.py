"""Every answer wears the frame, tells the truth in its status, and speaks the reader's language."""

import ast
import asyncio
from pathlib import Path

import pytest
from litestar import get
from sqlalchemy import text

from storefront import errors
from storefront.app import create_app
from storefront.auth import CurrentTenant, public, visitor
from storefront.documentation import every_code
from storefront.frame import BY_STATUS, STATUS, refusals, status_of
from tenants.errors import StoreNotFound
from tenants.kernel.errors import (
    Broken,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    Unavailable,
    every_refusal,
)
from tests.support.http import KEYS, Client, answered, refused

KINDS = {NotFound: 404, Conflict: 409, Forbidden: 403, Invalid: 422, Unavailable: 503, Broken: 500}


class RuleIsOurs(Broken):
    """The secret recipe is lost."""

    zh = "秘方丢失"


@get("/test/v1/missing", operation_id="testMissing", guards=[public], responses=refusals(StoreNotFound))
async def missing() -> None:
    """Not there."""
    raise StoreNotFound(details={"storeId": "unknown"})


@get("/test/v1/nothing", operation_id="testNothing", guards=[public])
async def nothing() -> None:
    """Nothing to say."""


@get("/test/v1/divide", operation_id="testDivide", guards=[public])
async def divide() -> None:
    """A bug."""
    raise ZeroDivisionError("by 13800138000")


@get("/test/v1/lost", operation_id="testLost", guards=[public])
async def lost() -> None:
    """Broken on our side."""
    raise RuleIsOurs


@get("/test/v1/late", operation_id="testLate", guards=[visitor])
async def late(tenant: CurrentTenant) -> None:
    """A statement that takes too long."""
    async with tenant.writing() as db:
        await db.execute(text("SET LOCAL statement_timeout = '20ms'"))
        await db.execute(text("SELECT pg_sleep(1)"))


@pytest.fixture(scope="module")
def client(app) -> Client:
    return Client(create_app(wiring=app.state.wiring, routes=[missing, nothing, divide, lost, late]))


@pytest.mark.parametrize(("kind", "status"), KINDS.items())
async def test_a_kind_has_its_status(kind, status):
    assert status_of(kind) == status


async def test_every_refusal_has_a_status_two_sentences_and_a_code_of_its_own():
    kinds = every_refusal()
    assert len({kind.code() for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert status_of(kind) in {*STATUS.values()}, kind
        assert kind.sentence().endswith("."), kind
        if not issubclass(kind, Broken):  # what is broken on our side is never told
            assert "zh" in vars(kind), kind
            assert not kind.zh.isascii(), kind
        assert issubclass(kind, tuple(KINDS)) or kind in STATUS, kind


def refusals_defined() -> set[str]:
    """Every class with a Chinese sentence in an `errors` module: `zh` makes a class a refusal."""
    packages = ("tenants", "catalog", "guides", "orders", "settlement", "storefront")
    found = set()
    for path in (path for package in packages for path in Path(package).rglob("errors.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "zh" for line in node.body
            ):
                found.add(node.name)
    return found


def test_every_refusal_defined_anywhere_is_a_documented_code():
    assert refusals_defined() - {kind.__name__ for kind in every_code().values()} == set()


async def test_an_answer_without_content_is_framed_too(client):
    body = (await client.get("/test/v1/nothing")).json()
    assert body == {"code": "OK", "msg": "", "data": None, "requestId": body["requestId"]}


async def test_a_refusal_names_the_field_at_fault(client):
    assert refused(await client.get("/test/v1/missing"), 404, "STORE_NOT_FOUND") == {"storeId": "unknown"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (None, "门店不存在"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "门店不存在"),
        ("en", "There is no such store."),
        ("en-GB,zh;q=0.5", "There is no such store."),
        ("fr", "门店不存在"),
    ],
)
async def test_the_sentence_is_chinese_unless_english_comes_first(client, language, sentence):
    headers = {"accept-language": language} if language else {}
    assert (await client.get("/test/v1/missing", headers=headers)).json()["msg"] == sentence


@pytest.mark.parametrize("path", ["/test/v1/divide", "/test/v1/lost"])
async def test_what_is_broken_on_our_side_is_never_described(client, path):
    response = await client.get(path, headers={"accept-language": "en"})
    assert refused(response, 500, "INTERNAL_ERROR") == {}
    assert response.json()["msg"] == errors.InternalError.sentence()
    assert "13800138000" not in response.text


async def test_a_busy_database_is_a_reason_to_try_again(client, tenant):
    refused(await client.as_visitor(tenant).get("/test/v1/late"), 503, "DATABASE_BUSY")


@pytest.mark.parametrize(
    ("path", "status"), [("/test/v1/missing", 404), ("/test/v1/divide", 500), ("/nowhere", 404)]
)
async def test_old_fronts_may_ask_for_status_200(client, path, status):
    truthful = await client.get(path)
    asked = await client.get(path, headers={"x-status-in-body": "1"})
    assert (truthful.status_code, asked.status_code) == (status, 200)
    assert truthful.json()["code"] == asked.json()["code"]
    assert answered(await client.get("/test/v1/nothing", headers={"x-status-in-body": "1"})) is None


async def test_unknown_addresses_and_methods_are_framed(client):
    refused(await client.get("/nowhere"), 404, "ROUTE_NOT_FOUND")
    refused(await client.post("/test/v1/missing"), 405, "METHOD_NOT_ALLOWED")
    refused(await client.request("PATCH", "/test/v1/missing"), 405, "METHOD_NOT_ALLOWED")
    refused(await client.get("/schema/openapi.json"), 404, "ROUTE_NOT_FOUND")
    refused(await client.get("/static/swagger/../../app.py"), 404, "ROUTE_NOT_FOUND")


async def test_a_request_id_is_kept_when_well_formed_and_made_otherwise(client):
    kept = await client.get("/health/live", headers={"x-request-id": "front-2026.11.21_a"})
    assert kept.json()["requestId"] == kept.headers["x-request-id"] == "front-2026.11.21_a"
    for forged in ('a","code":"PAID', "short", "x" * 65, "sp ace-in-it", "换行换行换行"):
        made = await client.get("/health/live", headers={"x-request-id": forged.encode()})
        assert made.json()["requestId"] == made.headers["x-request-id"] != forged
        assert made.json().keys() == KEYS


async def test_two_requests_at_once_do_not_share_an_id(client):
    answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(20)))
    assert len({answer.json()["requestId"] for answer in answers}) == 20
    assert all(answer.json()["requestId"] == answer.headers["x-request-id"] for answer in answers)


async def test_the_frameworks_own_refusals_mean_what_their_status_says():
    assert all(status_of(kind) == status for status, kind in BY_STATUS.items())
    assert all(issubclass(kind, Refusal) for kind in BY_STATUS.values())
