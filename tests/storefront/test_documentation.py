"""The API's description tells the truth, and its page needs nobody else's server."""

import re

import pytest

from storefront.auth import admitted_by, own_handlers
from storefront.documentation import STATIC, every_code, openapi
from tests.support.http import Client


@pytest.fixture(scope="module")
def description(app):
    return openapi(app)


@pytest.fixture(scope="module")
def operations(description):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


async def test_the_description_is_served_as_it_is_made(client: Client, description):
    assert (await client.get("/openapi.json")).json() == description


async def test_every_operation_has_a_name_a_sentence_a_tag_and_documented_refusals(operations):
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    for where, operation in operations.items():
        assert re.fullmatch(r"[a-z][a-zA-Z0-9]+", operation["operationId"]), where
        assert operation["summary"], where
        assert operation.get("tags"), where
        refusals = {status for status in operation["responses"] if status.startswith(("4", "5"))}
        if "Failure" in str(operation["responses"]):
            assert refusals >= {"400", "500", "503"}, where
        if operation.get("security"):
            assert refusals >= {"401", "403"}, where
        if "requestBody" in operation:
            assert refusals >= {"413", "415", "422"}, where


async def test_every_operation_names_its_audience_or_is_open_on_purpose(app, operations):
    admitted = {
        f"{method} {path}": admitted_by(handler)
        for path, handler in own_handlers(app)
        for method in handler.http_methods
    }
    for where, operation in operations.items():
        admits = admitted[where]
        assert operation.get("x-audiences", []) == sorted(admits.audiences), where
    open_to_all = {where for where, operation in operations.items() if not operation.get("security")}
    assert all(
        where.startswith("GET /health/") or "sessions" in where or "callbacks" in where
        for where in open_to_all
    ), open_to_all


async def test_no_operation_uses_a_method_that_mini_programs_lack(operations):
    assert {where.split()[0] for where in operations} <= {"GET", "POST", "PUT", "DELETE"}


async def test_no_answer_is_without_a_body_and_every_good_one_is_framed(app, operations):
    for path, handler in own_handlers(app):
        if not handler.opt.get("framed", True) or not handler.resolve_include_in_schema():
            continue
        for where in (f"{method} {path}" for method in handler.http_methods):
            responses = operations[where]["responses"]
            assert "204" not in responses, where
            good = next(response for status, response in responses.items() if status.startswith("2"))
            assert "text/plain" not in good.get("content", {}), where
            if "application/json" in good.get("content", {}):
                schema = good["content"]["application/json"]["schema"]
                assert schema["required"] == ["code", "msg", "data", "requestId"], where


async def test_names_on_the_wire_are_camel_case_and_schemas_are_named_by_hand(description):
    for name, schema in description["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][a-zA-Z0-9]*", name), name
        for field in schema.get("properties", {}):
            assert re.fullmatch(r"[a-z][a-zA-Z0-9]*", field), f"{name}.{field}"


async def test_fields_of_money_are_integers_and_no_amount_is_a_fraction(description):
    for name, schema in description["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            if field.endswith(("Fen", "Bps")):
                kinds = {shape.get("type")} | {each.get("type") for each in shape.get("oneOf", [])}
                assert "number" not in kinds, f"{name}.{field}"


async def test_the_codes_are_one_enum_that_names_every_refusal(description):
    codes = description["components"]["schemas"]["ErrorCode"]["enum"]
    assert codes == sorted(every_code())
    assert {
        "LOGIN_REQUIRED",
        "TOKEN_EXPIRED",
        "MALFORMED_REQUEST",
        "STORE_NOT_FOUND",
        "DATABASE_BUSY",
    } <= set(codes)


async def test_the_page_loads_nothing_from_outside(client: Client):
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert all(each.startswith(("/static/", "data:")) for each in loaded), loaded
    for path in (each for each in loaded if each.startswith("/static/")):
        assert (await client.get(path)).status_code == 200, path
    assert "http" not in page.text.replace("http-equiv", "")


async def test_the_vendored_style_sheet_and_start_script_name_no_host():
    for name in ("swagger-ui.css", "start.js"):
        text = (
            (STATIC / "swagger" / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        )
        assert not re.search(r"url\((?!['\"]?data:)|https?://|@import", text), name


async def test_the_vendored_files_keep_their_licence():
    assert "Apache License" in (STATIC / "swagger" / "LICENSE").read_text(encoding="utf-8")
    assert "swagger-ui" in (STATIC / "swagger" / "NOTICE").read_text(encoding="utf-8")


def request_schemas(description) -> set[str]:
    """The names of every schema that can come in."""
    schemas, found = description["components"]["schemas"], set()
    waiting = [
        operation["requestBody"]
        for methods in description["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    while waiting:
        for name in re.findall(r"#/components/schemas/([A-Za-z0-9]+)", str(waiting.pop())):
            if name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def unbounded(shape) -> bool:
    """Whether an integer of this shape could be larger than the column it goes to (a nullable one has its bounds outside)."""
    kinds = {shape.get("type"), *(each.get("type") for each in shape.get("oneOf", []))}
    return "integer" in kinds and not {"maximum", "enum"} & shape.keys()


async def test_every_integer_that_comes_in_has_a_maximum(description):
    """Amounts in fen go to bigint and are bounded by the reader of bodies; a plain integer may meet a smaller column."""
    schemas = description["components"]["schemas"]
    bare = [
        f"{name}.{field}"
        for name in sorted(request_schemas(description))
        for field, shape in schemas[name].get("properties", {}).items()
        if unbounded(shape) and not field.endswith("Fen")
    ]
    assert bare == []
