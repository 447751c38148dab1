"""Hostile and clumsy requests: a clear framed refusal, nothing done, never a 5xx."""

import gzip
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
import pytest
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from storefront.app import create_app
from storefront.auth import CurrentTenant, public, visitor
from storefront.bodies import LARGEST_BODY
from storefront.frame import refusals
from tenants.kernel.paging import CursorUnreadable, PageTooLarge, page_limit, read_cursor
from tests.support.http import KEYS, Client, answered, refused

SKU = "0190f3b0-0000-7000-8000-000000000001"
HERE = "/test/v1/stores/0190f3b0-0000-7000-8000-000000000002/orders"


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What is wanted."""

    sku_id: UUID
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999)]


class Want(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An order, or something like it."""

    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=50)]
    total_fen: int
    note: str = ""
    wanted_at: datetime | None = None
    gift: bool = False


accepted: list[Want] = []


@post("/test/v1/stores/{store_id:uuid}/orders", operation_id="testWant", guards=[public])
async def want(store_id: FromPath[UUID], data: JSONBody[Want]) -> Want:
    """Take it."""
    accepted.append(data)
    return data


@get(
    "/test/v1/list",
    operation_id="testList",
    guards=[visitor],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def listing(
    tenant: CurrentTenant,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    at: FromQuery[datetime | None] = None,
) -> list[str]:
    """A list."""
    page_limit(limit)
    if cursor is not None:
        read_cursor(cursor, tuple[str, UUID])
    return [str(at)]


@pytest.fixture(scope="module")
def client(app) -> Client:
    return Client(create_app(wiring=app.state.wiring, routes=[want, listing]))


@pytest.fixture(autouse=True)
def nothing_done():
    accepted.clear()


def body(lines=f'[{{"skuId":"{SKU}","quantity":1}}]', **more) -> bytes:
    fields = {"lines": lines, "totalFen": "100"} | more
    return (
        "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"
    ).encode()


def line(**changed) -> str:
    fields = {"skuId": f'"{SKU}"', "quantity": "1"} | changed
    return "[{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}]"


async def send(client, content, **headers):
    return await client.post(HERE, content=content, headers={"content-type": "application/json", **headers})


async def test_a_good_body_is_taken(client):
    """The control of everything below."""
    answered(
        await send(client, body(note='"正常的备注 😀 \\\\u0000"', wantedAt='"2026-11-21T08:00:00+08:00"')),
        201,
    )
    assert accepted[0].note == "正常的备注 😀 \\u0000"


MISFITS = {
    "quantity as text": (body(line(quantity='"1"')), "lines[0].quantity"),
    "quantity as a fraction": (body(line(quantity="1.5")), "lines[0].quantity"),
    "quantity null": (body(line(quantity="null")), "lines[0].quantity"),
    "quantity true": (body(line(quantity="true")), "lines[0].quantity"),
    "quantity zero": (body(line(quantity="0")), "lines[0].quantity"),
    "quantity negative": (body(line(quantity="-1")), "lines[0].quantity"),
    "quantity 2^63": (body(line(quantity=str(2**63))), "lines[0].quantity"),
    "amount 2^63": (body(totalFen=str(2**63)), "totalFen"),
    "amount 2^53": (body(totalFen=str(2**53)), "totalFen"),
    "amount -2^64": (body(totalFen=str(-(2**64))), "totalFen"),
    "amount as a fraction": (body(totalFen="0.1"), "totalFen"),
    "amount 1e3": (body(totalFen="1e999"), None),
    "amount full width": (body(totalFen='"１００"'), "totalFen"),
    "id no uuid": (body(line(skuId='"7"')), "lines[0].skuId"),
    "id with a bad end": (body(line(skuId=f'"{SKU}x"')), "lines[0].skuId"),
    "id as a number": (body(line(skuId="7")), "lines[0].skuId"),
    "unknown field": (body(paidFen="1"), "paidFen"),
    "unknown field inside": (body(line(priceFen="1")), "lines[0].priceFen"),
    "snake case": (body(total_fen="1"), "total_fen"),
    "missing field": (body(totalFen=None), "totalFen"),
    "missing inside": (body(line(quantity=None)), "lines[0].quantity"),
    "no lines": (body("[]"), "lines"),
    "too many lines": (body("[" + ",".join([line()[1:-1]] * 51) + "]"), "lines"),
    "lines an object": (body("{}"), "lines"),
    "time without a zone is text": (body(wantedAt='"tomorrow"'), "wantedAt"),
    "29 February": (body(wantedAt='"2026-02-29T00:00:00Z"'), "wantedAt"),
    "NUL in text": (body(note='"a\\u0000b"'), "note"),
    "NUL in text after a backslash": (body(note='"\\\\\\u0000"'), "note"),
    "yes for true": (body(gift='"true"'), "gift"),
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "text": (b'"x"', "body"),
    "a number": (b"7", "body"),
    "nothing": (b"", "body"),
}


@pytest.mark.parametrize("name", MISFITS)
async def test_a_body_that_does_not_fit_says_where(client, name):
    content, place = MISFITS[name]
    response = await send(client, content)
    assert response.status_code in ({422} if place else {400, 422}), response.text
    if place:
        assert list(refused(response, 422, "VALIDATION_FAILED")) == [place]
    assert accepted == []


UNREADABLE = {
    "half an object": b'{"lines":',
    "trailing comma": b'{"lines":[],}',
    "two values": b"{} {}",
    "a lone surrogate": body(note='"\\ud800"'),
    "a reversed pair": body(note='"\\udc00\\ud800"'),
    "a raw surrogate": body(note='"\xed\xa0\x80"').replace("\xed\xa0\x80".encode(), b"\xed\xa0\x80"),
    "latin-1": body(note='"caf\xe9"').decode().encode("latin-1"),
    "gb18030": body(note='"备注"').decode().encode("gb18030"),
    "utf-16": body().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "NUL bytes": b"\x00" * 20,
    "raw NUL in text": body(note='"a\x00b"'),
    "deep lists": b'{"lines":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep unknown": b'{"x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "deep and suspect": b'{"x":"\\u0000","y":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not a number": body(totalFen="NaN"),
    "infinity": body(totalFen="Infinity"),
    "a leading zero": body(totalFen="007"),
    "hexadecimal": body(totalFen="0x10"),
    "a comment": b"/* hi */ " + body(),
    "xml": b"<?xml version='1.0'?><a/>",
    "gzip": gzip.compress(body()),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_json_is_malformed(client, name):
    response = await send(client, UNREADABLE[name])
    assert response.status_code in {400, 422}, response.text
    assert response.json().keys() - {"details"} == KEYS
    assert accepted == []


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/msgpack",
        "application/jsonp",
    ],
)
async def test_another_media_type_is_not_guessed_at(client, media_type):
    refused(
        await client.post(HERE, content=body(), headers={"content-type": media_type}),
        415,
        "MEDIA_TYPE_NOT_SUPPORTED",
    )


async def test_a_body_with_a_charset_or_without_a_type_is_json(client):
    answered(
        await client.post(HERE, content=body(), headers={"content-type": "Application/JSON; charset=utf-8"})
    )
    answered(await client.post(HERE, content=body()))


async def test_a_body_beyond_a_mebibyte_is_refused_before_it_is_read(client):
    refused(await send(client, b" " * (LARGEST_BODY + 1)), 413, "BODY_TOO_LARGE")


async def test_a_body_that_lies_about_its_length_is_cut_off_while_it_streams(client):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield b" " * 65_536

    response = await client.post(HERE, content=endless(), headers={"content-type": "application/json"})
    refused(response, 413, "BODY_TOO_LARGE")
    small = {"content-type": "application/json", "content-length": "2"}
    refused(await client.post(HERE, content=b" " * (LARGEST_BODY + 1), headers=small), 413, "BODY_TOO_LARGE")
    for wrong in ("-1", "two", "9" * 30):
        lying = {"content-type": "application/json", "content-length": wrong}
        assert (await client.post(HERE, content=body(), headers=lying)).status_code < 500


async def test_a_client_that_goes_away_in_the_middle_is_no_fault_of_ours(app, client):
    sent = []
    scope = {
        "type": "http", "method": "POST", "path": HERE, "raw_path": HERE.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    messages = iter(
        [{"type": "http.request", "body": b'{"lines"', "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive():
        return next(messages)

    async def send_(message):
        sent.append(message)

    await client.app(scope, receive, send_)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize("limit", ["x", "", "1.5", "1e3", "0x10", "１０", "%00", "9" * 400, "-", " "])
async def test_a_query_that_is_no_number_is_malformed(client, tenant, limit):
    response = await client.as_visitor(tenant).get(f"/test/v1/list?limit={limit}")
    assert response.status_code in {400, 422}, response.text
    assert response.json().keys() - {"details"} == KEYS


@pytest.mark.parametrize("limit", [0, -1, 101, 2**31, 2**63, -(2**63)])
async def test_a_page_out_of_bounds_is_refused(client, tenant, limit):
    refused(await client.as_visitor(tenant).get(f"/test/v1/list?limit={limit}"), 422, "PAGE_TOO_LARGE")


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "bnVsbA", "%00", "%ED%A0%80", "a" * 513, "W251bGwsbnVsbF0", "😀"]
)
async def test_a_forged_cursor_is_refused(client, tenant, cursor):
    refused(await client.as_visitor(tenant).get(f"/test/v1/list?cursor={cursor}"), 422, "CURSOR_UNREADABLE")


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&limit=2",
        "&&&",
        "=",
        "%",
        "%zz",
        "limit%00=1",
        "a" * 8000,
        "at=never",
        "at=2026-02-30",
        "?" * 50,
    ],
)
async def test_odd_query_strings_never_break_us(client, tenant, query):
    response = await client.as_visitor(tenant).get(f"/test/v1/list?{query}")
    assert response.status_code < 500, response.text
    assert response.json().keys() - {"details"} == KEYS


@pytest.mark.parametrize(
    "segment",
    [
        "x",
        "%00",
        "%ED%A0%80",
        "%2e%2e",
        "..%2f..%2fetc",
        "7",
        SKU + "0",
        "{store_id}",
        "a" * 3000,
        "😀",
        "%0d%0aX: y",
    ],
)
async def test_odd_path_segments_never_break_us(client, segment):
    response = await client.post(f"/test/v1/stores/{segment}/orders", content=body())
    assert response.status_code in {400, 404, 405}, response.text
    assert response.json().keys() - {"details"} == KEYS
    assert accepted == []
