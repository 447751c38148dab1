"""Messages pushed by WeCom and by mini-programs' platforms: verified with the keys of the tenant that the address names, kept once, answered at once.

What they say is acted on by the worker, from the kept message, which is verified again as of the moment it arrived. Answers are in the
vendors' own form: the echo of an address check, `success`, or a short text with a status that is not 200, after which they try again.
"""

from datetime import datetime
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath

from guides.contacts.changes import Change, News, take_news
from guides.ports import ContactBook
from settlement.ports import TradeStates
from settlement.splitting.trades import look_at_trade
from storefront.adapters.errors import CallbackTooLarge, CallbackUnverified
from storefront.adapters.message_envelope import LARGEST_BODY
from storefront.adapters.wechat_mini.notify import TradeHint, read_push, verify_push_address
from storefront.adapters.wecom.notify import ContactChange, ContactEvent, read_callback, verify_address
from storefront.auth import Joined, Now, signed
from storefront.callbacks.events import ContactMessageKept, PushMessageKept
from storefront.callbacks.keeping import called_tenant, keep_once, kept_message
from storefront.channels import PUSH_PATH, WECOM_PATH, MiniPrograms, WecomCorps
from storefront.errors import BodyTooLarge, RouteNotFound
from storefront.frame import as_refusal, status_of
from storefront.observability import report_failure
from tenants.errors import MerchantNotReady
from tenants.kernel.errors import Broken
from tenants.kernel.scope import TenantScope

UNVERIFIED, TOO_LARGE = 401, 413
SUCCESS = "success"
LONGEST_QUERY = 4096
SIGNED_BY = ("msg_signature", "signature", "timestamp", "nonce", "echostr")
_CHANGES = {
    ContactChange.ADDED: Change.ADDED,
    ContactChange.EDITED: Change.EDITED,
    ContactChange.HALF_ADDED: Change.INVITED,
    ContactChange.DELETED_BY_GUIDE: Change.ENDED_BY_GUIDE,
    ContactChange.DELETED_BY_SHOPPER: Change.ENDED_BY_SHOPPER,
    ContactChange.MOVE_REFUSED: Change.MOVE_FAILED,
    ContactChange.MOVE_OVER_LIMIT: Change.MOVE_FAILED,
    ContactChange.MOVE_FAILED: Change.MOVE_FAILED,
}
Asked = Request[Any, Any, Any]


class KeptPush(msgspec.Struct, frozen=True):
    """A message as it came: enough to verify it again, as of the moment it arrived."""

    query: dict[str, str]
    body: bytes
    received_at: datetime


def answer_plainly(request: Asked, error: Exception) -> Response[str]:
    """Any refusal as its code in plain text."""
    refusal = as_refusal(error)
    if isinstance(refusal, Broken):
        report_failure("callback_broken", error)
    if isinstance(refusal, BodyTooLarge):
        refusal = CallbackTooLarge()
    request.scope["state"]["code"] = refusal.code()
    status = UNVERIFIED if isinstance(refusal, CallbackUnverified) else status_of(type(refusal))
    status = TOO_LARGE if isinstance(refusal, CallbackTooLarge) else status
    return Response(refusal.code(), status_code=status, media_type=MediaType.TEXT)


TAKING: dict[str, Any] = {
    "tags": ["callbacks"],
    "guards": [signed],
    "status_code": 200,
    "opt": {"framed": False},
    "exception_handlers": {Exception: answer_plainly},
    "media_type": MediaType.TEXT,
}


@get(f"{WECOM_PATH}/{{callback_key:str}}", operation_id="verifyWecomAddress", **TAKING)
async def verify_wecom(
    request: Asked, wiring: Joined, now: Now, callback_key: FromPath[str]
) -> Response[bytes]:
    """Answer WeCom's check of the address with what it sealed."""
    tenant = await called_tenant(wiring, callback_key)
    keys = await _known(wiring.wecom, tenant)
    return Response(verify_address(_query(request), keys=keys, now=now), media_type=MediaType.TEXT)


@post(
    f"{WECOM_PATH}/{{callback_key:str}}",
    operation_id="receiveWecom",
    request_max_body_size=LARGEST_BODY + 1,
    **TAKING,
)
async def receive_wecom(
    request: Asked, wiring: Joined, now: Now, callback_key: FromPath[str]
) -> Response[str]:
    """Take an event about external contacts."""
    tenant = await called_tenant(wiring, callback_key)
    keys = await _known(wiring.wecom, tenant)
    query, body = _query(request), await request.body()
    told = read_callback(query, body, keys=keys, now=now)
    named = {"source": f"wecom:{keys.corp_id}", "external_id": told.id}
    await keep_once(tenant, KeptPush(query, body, now), fact=ContactMessageKept(**named), now=now, **named)
    return Response(SUCCESS, media_type=MediaType.TEXT)


@get(f"{PUSH_PATH}/{{callback_key:str}}", operation_id="verifyPushAddress", **TAKING)
async def verify_push(request: Asked, wiring: Joined, now: Now, callback_key: FromPath[str]) -> Response[str]:
    """Answer the mini-program platform's check of the address with its echo."""
    tenant = await called_tenant(wiring, callback_key)
    keys = await _known(wiring.minis, tenant)
    return Response(verify_push_address(_query(request), keys=keys, now=now), media_type=MediaType.TEXT)


@post(
    f"{PUSH_PATH}/{{callback_key:str}}",
    operation_id="receivePush",
    request_max_body_size=LARGEST_BODY + 1,
    **TAKING,
)
async def receive_push(
    request: Asked, wiring: Joined, now: Now, callback_key: FromPath[str]
) -> Response[str]:
    """Take a message of the mini-program's platform; what we have no use for is answered and not kept."""
    tenant = await called_tenant(wiring, callback_key)
    keys = await _known(wiring.minis, tenant)
    query, body = _query(request), await request.body()
    told = read_push(query, body, keys=keys, now=now)
    if isinstance(told.told, TradeHint):
        named = {"source": f"wechat-mini:{keys.appid}", "external_id": told.id}
        await keep_once(tenant, KeptPush(query, body, now), fact=PushMessageKept(**named), now=now, **named)
    return Response(SUCCESS, media_type=MediaType.TEXT)


async def act_on_contact(
    tenant: TenantScope, fact: ContactMessageKept, *, wecom: WecomCorps, contacts: ContactBook, now: datetime
) -> None:
    """Do what a kept event about a contact says."""
    raw = await kept_message(tenant, source=fact.source, external_id=fact.external_id)
    kept = msgspec.json.decode(raw, type=KeptPush)
    keys = await wecom.keys_of(tenant)
    told = read_callback(kept.query, kept.body, keys=keys, now=kept.received_at).told
    if isinstance(told, ContactEvent):
        news = News(
            change=_CHANGES[told.change],
            member_no=told.user_id,
            contact_no=told.contact_id,
            at=told.at,
            hint=told.state_hint,
        )
        await take_news(tenant, news, contacts=contacts, now=now)


async def act_on_push(
    tenant: TenantScope, fact: PushMessageKept, *, minis: MiniPrograms, trades: TradeStates, now: datetime
) -> None:
    """A kept message names an order: ask where its money stands. What the message says of it is not read."""
    raw = await kept_message(tenant, source=fact.source, external_id=fact.external_id)
    kept = msgspec.json.decode(raw, type=KeptPush)
    keys = await minis.keys_of(tenant)
    told = read_push(kept.query, kept.body, keys=keys, now=kept.received_at).told
    if isinstance(told, TradeHint):
        await look_at_trade(tenant, told.transaction_id, trades=trades, now=now)


async def _known(part: Any, tenant: TenantScope) -> Any:
    """The keys of a part that is set up; one that is not has no address."""
    try:
        return await part.keys_of(tenant)
    except MerchantNotReady as error:
        raise RouteNotFound from error


def _query(request: Asked) -> dict[str, str]:
    """What signs a message. A parameter given twice could show a proxy one value and us the other: it is no parameter then."""
    if len(request.url.query) > LONGEST_QUERY:
        raise CallbackTooLarge(size=len(request.url.query))
    given = {name: request.query_params.getall(name, []) for name in SIGNED_BY}
    return {name: values[0] for name, values in given.items() if len(values) == 1}


ROUTES = [verify_wecom, receive_wecom, verify_push, receive_push]
