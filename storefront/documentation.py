"""The API's own description: /openapi.json, and Swagger UI at /docs from files that ship with us, so that it works offline.

The framework describes views; here every answer gets its frame, every operation its refusals, and the codes become one enum.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler, Scope

from catalog import errors as catalog_errors
from guides import errors as guides_errors
from orders import errors as orders_errors
from settlement import errors as settlement_errors
from settlement.payouts import errors as payouts_errors
from settlement.reconciliation import errors as reconciliation_errors
from settlement.splitting import errors as splitting_errors
from storefront import errors
from storefront.adapters import errors as adapters_errors
from storefront.auth import admitted_by, own_handlers, public
from storefront.frame import described, status_of
from tenants import errors as tenants_errors
from tenants.kernel.errors import Refusal, every_refusal
from tenants.kernel.scope import DatabaseAway, DatabaseBusy, TextUnstorable

STATIC = Path(__file__).parent / "static"
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>storefront API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/swagger/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/static/swagger/swagger-ui-bundle.js"></script>
<script src="/static/swagger/swagger-ui-standalone-preset.js"></script>
<script src="/static/swagger/start.js"></script>
</body>
</html>
"""
_CODE = re.compile(r"^`([A-Z_]+)`", re.MULTILINE)
REFUSING = (
    tenants_errors, catalog_errors, guides_errors, orders_errors, settlement_errors, splitting_errors,
    reconciliation_errors, payouts_errors, adapters_errors, errors,
)  # fmt: skip
"""Where refusals are defined: imported here so that the list of codes is complete whatever the routes import."""
Schema = dict[str, Any]
FAILURE: Schema = {
    "type": "object",
    "required": ["code", "msg", "data", "requestId"],
    "properties": {
        "code": {"$ref": "#/components/schemas/ErrorCode"},
        "msg": {"type": "string"},
        "data": {"type": "null"},
        "requestId": {"type": "string"},
        "details": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
"""What every refusal looks like; each operation narrows the codes."""


@get(
    "/docs",
    operation_id="readDocumentation",
    guards=[public],
    include_in_schema=False,
    media_type=MediaType.HTML,
)
async def docs_page() -> Response[str]:
    """Swagger UI over /openapi.json."""
    return Response(PAGE, media_type=MediaType.HTML, headers=PAGE_HEADERS)


@get("/openapi.json", operation_id="readOpenApi", guards=[public], include_in_schema=False)
async def openapi_json(scope: Scope) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(encoded_openapi(scope["app"]), media_type=MediaType.JSON)


static_files = create_static_files_router(
    path="/static", directories=[STATIC], guards=[public], include_in_schema=False, name="static"
)
ROUTES: list[ControllerRouterHandler] = [docs_page, openapi_json, static_files]


@lru_cache(maxsize=4)
def encoded_openapi(app: Litestar) -> bytes:
    """The document as bytes, made once."""
    return msgspec.json.encode(openapi(app))


def openapi(app: Litestar) -> Schema:
    """The framework's description, made true: frames around views, every refusal documented, codes listed."""
    document: Schema = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    handlers = {
        (path, method.lower()): handler
        for path, handler in own_handlers(app)
        for method in handler.http_methods
    }
    schemas: Schema = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("ValidationException", None)
    schemas["ErrorCode"] = {
        "type": "string",
        "description": described(sorted(every_code().values(), key=lambda kind: kind.code())),
        "enum": sorted(every_code()),
    }
    schemas["Failure"] = FAILURE
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _describe(operation, handler=handlers[path, method])
    return document


def every_code() -> dict[str, type[Refusal]]:
    """All codes a client may meet."""
    return {kind.code(): kind for kind in every_refusal()}


def refusals_of_any(
    handler: HTTPRouteHandler, *, has_body: bool, has_parameters: bool, has_place: bool
) -> list[type[Refusal]]:
    """What any operation of this kind may answer with, whatever it does."""
    admits = admitted_by(handler) or public
    found: list[type[Refusal]] = [errors.MalformedRequest, errors.InternalError, DatabaseBusy, DatabaseAway]
    if admits.audiences:
        found += [errors.LoginRequired, errors.TokenExpired, errors.AudienceNotAllowed]
    if admits.guests:
        found += [errors.TenantNotNamed, tenants_errors.TenantNotFound]
    if admits.roles:
        found += [errors.RoleNotAllowed]
    if "store" in handler.parsed_fn_signature.parameters:
        found += [errors.StoreHeaderMissing]
    if has_place:  # what is no id in the address leads to no operation
        found += [errors.RouteNotFound]
    if has_body or has_parameters:
        found += [TextUnstorable]
    if has_body:
        found += [errors.ValidationFailed, errors.BodyTooLarge, errors.MediaTypeNotSupported]
    return found


def _describe(operation: Schema, *, handler: HTTPRouteHandler) -> None:
    admits, framed = admitted_by(handler) or public, handler.opt.get("framed", True)
    responses: Schema = operation["responses"]
    operation["summary"] = str(operation.get("description", "")).split("\n")[0].rstrip(".")
    if admits.audiences:
        operation["security"] = [{"token": []}] + ([{}] if admits.guests else [])
        operation["x-audiences"] = sorted(admits.audiences)
    if admits.roles:
        operation["x-roles"] = sorted(admits.roles)
    for status, response in responses.items():
        if status.startswith("2") and framed:
            _frame_answer(response)
    if framed:
        _document_refusals(
            responses,
            refusals_of_any(
                handler,
                has_body="requestBody" in operation,
                has_parameters="parameters" in operation,
                has_place=any(each["in"] == "path" for each in operation.get("parameters", [])),
            ),
        )


def _document_refusals(responses: Schema, usual: list[type[Refusal]]) -> None:
    if "Failure" not in str(responses.get("400", "Failure")):
        del responses["400"]  # the framework's own shape, which is never sent
    for kind in usual:
        response = responses.setdefault(str(status_of(kind)), {"description": ""})
        if f"`{kind.code()}`" not in response["description"]:
            response["description"] = f"{response['description']}\n{described([kind])}".strip()
    for status, response in responses.items():
        if not status.startswith("2"):
            narrowed = {"properties": {"code": {"enum": sorted(set(_CODE.findall(response["description"])))}}}
            schema = {"allOf": [{"$ref": "#/components/schemas/Failure"}, narrowed]}
            response["content"] = {"application/json": {"schema": schema}}


def _frame_answer(response: Schema) -> None:
    for media_type, content in response.get("content", {}).items():
        if media_type == "application/json":
            content["schema"] = {
                "type": "object",
                "required": ["code", "msg", "data", "requestId"],
                "properties": {
                    "code": {"type": "string", "const": "OK"},
                    "msg": {"type": "string"},
                    "data": content.get("schema", {"type": "null"}),
                    "requestId": {"type": "string"},
                },
            }
