"""WeCom against the simulator: contact ways, moves that take a day, callbacks that are verified before they are read."""

import asyncio
import base64
import random
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from orders.ports import Refused
from storefront.adapters.access_tokens import AccessTokenCache
from storefront.adapters.errors import (
    CallbackForAnotherMerchant,
    CallbackKeyRepeated,
    CallbackMalformed,
    CallbackTooLarge,
    CallbackUndecryptable,
    CallbackUnverified,
    CredentialsUnreadable,
    SignatureHeaderMissing,
    SignatureStale,
    SignatureWrong,
)
from storefront.adapters.wecom.client import MoveState, WayDeleted, WecomClient
from storefront.adapters.wecom.notify import (
    ContactChange,
    CorpKeys,
    OtherEvent,
    read_callback,
    verify_address,
)
from storefront.simulators.wecom import crypto
from storefront.simulators.wecom.records import Corp
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id

DAY = 86_400
AES_KEY = base64.b64encode(b"k" * 32).decode().rstrip("=")
TOKEN = "callback-token"
MUTANTS = 3_000


@dataclass
class Company:
    """A corp at the simulator and our client of it."""

    corp_id: str
    client: WecomClient
    control: object
    letters: list

    async def command(self, path: str, **fields: object) -> dict:
        return await self.control.command(f"wecom/{path}", corpid=self.corp_id, **fields)

    async def contact_of(self, user_id: str, **fields: object) -> str:
        return (await self.command("scan", userid=user_id, **fields))["externalUserid"]


@pytest.fixture
async def letters():
    """A callback address that keeps what was asked and posted, and can answer a check of the address."""
    kept: list[tuple[dict[str, str], bytes]] = []

    async def converse(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        query = dict(parse_qsl(urlsplit(head[0].split(" ")[1]).query))
        length = next(
            (int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")), 0
        )
        kept.append((query, await reader.readexactly(length)))
        body = b"success"
        if "echostr" in query:
            body = verify_address(query, keys=keys_of(kept[0][0]["corp"]), now=datetime.now(UTC))
        writer.write(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield kept, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callbacks/wecom"


def keys_of(corp_id: str) -> CorpKeys:
    return CorpKeys(corp_id=corp_id, token=TOKEN, encoding_aes_key=AES_KEY)


@pytest.fixture
async def company(control, http, redis, letters) -> Company:
    kept, url = letters
    corp_id = "ww" + secrets.token_hex(8)
    await control.command(
        "wecom/corps", corpid=corp_id, secrets={}, callback_url=url, token=TOKEN, aes_key=AES_KEY
    )
    # Names of applications stay as they are, which the control's spelling of fields would not leave them.
    await control._post("wecom/corps", {
        "corpid": corp_id, "secrets": {"contacts": "s-canary"}, "callbackUrl": url, "token": TOKEN, "aesKey": AES_KEY,
    })  # fmt: skip
    tokens = AccessTokenCache(
        redis, tenant_id=TenantId(new_id()), keys=KeyRing(current="a", keys={"a": b"a" * 32})
    )
    client = WecomClient(
        http,
        corp_id=corp_id,
        secret="s-canary",
        application="contacts",
        base_url=control.url,
        tokens=tokens,
    )
    made = Company(corp_id, client, control, kept)
    for user in ("ann", "bo"):
        await made.command("members", userid=user, name=user)
    return made


async def test_a_contact_way_leads_to_a_guide_and_is_deleted_once_and_for_all(company):
    way = await company.client.add_contact_way(["ann"], state="aB3dE6", remark="静安店 李青")
    assert way.qr_code_url.startswith("https://")
    contact = (await company.command("scan", config_id=way.id, unionid="u-1"))["externalUserid"]
    found = await company.client.contact(contact)
    assert (found.union_id, found.follows[0].user_id, found.follows[0].state_hint) == ("u-1", "ann", "aB3dE6")
    assert [await company.client.delete_contact_way(way.id) for _ in range(2)] == [WayDeleted(), WayDeleted()]


async def test_a_state_that_is_too_long_is_refused_without_a_call(company):
    assert (await company.client.add_contact_way(["ann"], state="x" * 31)).code == "STATE"


async def test_a_move_is_started_waits_a_day_and_is_done(company):
    contact = await company.contact_of("ann")
    (start,) = await company.client.start_moves([contact], giver="ann", taker="bo", note="由新导购为您服务")
    assert start.started
    (waiting,) = await company.client.move_results(giver="ann", taker="bo")
    assert waiting.state is MoveState.WAITING
    await company.control.advance(DAY + 1)
    (done,) = await company.client.move_results(giver="ann", taker="bo")
    assert (done.state, done.contact_id) == (MoveState.DONE, contact)
    assert [each.user_id for each in (await company.client.contact(contact)).follows] == ["bo"]


async def test_a_refused_move_is_told_by_result_and_by_event(company):
    contact = await company.contact_of("ann")
    await company.client.start_moves([contact], giver="ann", taker="bo")
    await company.command("refuse", external_userid=contact)
    (result,) = await company.client.move_results(giver="ann", taker="bo")
    assert result.state is MoveState.REFUSED
    await company.control.advance(1)
    query, body = company.letters[-1]
    told = read_callback(query, body, keys=keys_of(company.corp_id), now=datetime.now(UTC)).told
    assert (told.change, told.contact_id) == (ContactChange.MOVE_REFUSED, contact)


async def test_a_third_move_in_ninety_days_is_not_started(company):
    contact = await company.contact_of("ann")
    for giver, taker in (("ann", "bo"), ("bo", "ann")):
        await company.client.start_moves([contact], giver=giver, taker=taker)
        await company.control.advance(DAY + 1)
    (third,) = await company.client.start_moves([contact], giver="ann", taker="bo")
    assert (third.started, third.code != "0") == (False, True)


async def test_who_leaves_leaves_contacts_behind_that_are_moved_by_the_resigned_call(company):
    contact = await company.contact_of("ann")
    await company.command("leave", userid="ann")
    (left,) = await company.client.left_behind()
    assert (left.user_id, left.contact_id) == ("ann", contact)
    assert isinstance(await company.client.start_moves([contact], giver="ann", taker="bo"), Refused)
    (start,) = await company.client.start_moves([contact], giver="ann", taker="bo", resigned=True)
    await company.control.advance(DAY + 1)
    (result,) = await company.client.move_results(giver="ann", taker="bo", resigned=True)
    assert (start.started, result.state) == (True, MoveState.DONE)


async def test_results_of_more_than_a_thousand_moves_come_in_pages(company):
    contacts = [await company.contact_of("ann") for _ in range(1_001)]
    for begin in range(0, len(contacts), 100):
        await company.client.start_moves(contacts[begin : begin + 100], giver="ann", taker="bo")
    results = await company.client.move_results(giver="ann", taker="bo")
    assert {each.contact_id for each in results} == set(contacts)


async def test_an_added_contact_is_told_with_a_state_that_is_only_a_hint(company):
    way = await company.client.add_contact_way(["ann"], state="right")
    contact = (await company.command("scan", config_id=way.id, wrong_state="wrong"))["externalUserid"]
    await company.control.advance(1)
    query, body = company.letters[-1]
    first = read_callback(query, body, keys=keys_of(company.corp_id), now=datetime.now(UTC))
    told = first.told
    assert (told.change, told.user_id, told.contact_id) == (ContactChange.ADDED, "ann", contact)
    assert (told.state_hint, told.welcome_code in repr(told)) == ("wrong", False)
    assert len(first.id) == 36


async def test_the_address_is_verified_by_echoing_what_only_we_can_read(company):
    company.letters.append(({"corp": company.corp_id}, b""))
    company.letters[:] = company.letters[-1:]
    assert (await company.command("verify-url"))["verified"] is True


async def test_a_secret_is_in_no_text(company, caplog, capsys):
    caplog.set_level("DEBUG")
    await company.client.left_behind()
    assert "canary" not in caplog.text + capsys.readouterr().out + repr(company.client)


NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FIELDS = {
    "CreateTime": int(NOW.timestamp()),
    "Event": "change_external_contact",
    "ChangeType": "del_follow_user",
    "UserID": "ann",
    "ExternalUserID": "wm1",
}


def letter(fields=FIELDS, *, xml=None, corp_id="ww1", aes_key=AES_KEY, at=NOW, salt=b"s" * 16):
    corp = Corp(corpid=corp_id, token=TOKEN, aes_key=aes_key)
    sealed = crypto.encrypt(corp, crypto.event_xml(corp, fields) if xml is None else xml, salt=salt)
    query = dict(parse_qsl(crypto.wecom_query(corp, sealed, stamp=int(at.timestamp()), nonce="n1")))
    return query, crypto.wrap(corp, sealed).encode()


def read(query, body, *, corp_id="ww1"):
    return read_callback(query, body, keys=keys_of(corp_id), now=NOW)


def test_a_repeat_sealed_anew_has_the_same_id():
    assert read(*letter()).id == read(*letter(salt=b"t" * 16)).id
    assert read(*letter()).told.change is ContactChange.DELETED_BY_SHOPPER


def test_an_event_we_have_no_use_for_is_kept_as_other():
    told = read(*letter({**FIELDS, "Event": "change_external_tag", "ChangeType": "create"})).told
    assert told == OtherEvent("change_external_tag", "create")


def test_another_corps_message_another_key_and_an_old_one_are_refused():
    with pytest.raises(CallbackForAnotherMerchant):
        read(*letter(corp_id="ww2"))
    with pytest.raises((CallbackUndecryptable, CallbackForAnotherMerchant)):
        read(*letter(aes_key=base64.b64encode(b"x" * 32).decode().rstrip("=")))
    with pytest.raises(SignatureStale):
        read(*letter(at=NOW - timedelta(seconds=300)))
    query, body = letter()
    with pytest.raises(SignatureWrong):
        read({**query, "nonce": "n2"}, body)
    with pytest.raises(SignatureHeaderMissing):
        read({}, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"{}",
        b"\xff\xfe",
        b'<!DOCTYPE a [<!ENTITY b "c">]><xml><Encrypt>&b;</Encrypt></xml>',
        b"<xml>" * 1_000,
    ],
)
def test_what_is_no_flat_xml_is_malformed(body):
    with pytest.raises(CallbackMalformed):
        read(letter()[0], body)


def test_a_field_given_twice_and_a_megabyte_are_refused():
    query, body = letter()
    with pytest.raises(CallbackKeyRepeated):
        read(query, body.replace(b"</xml>", b"<Encrypt>x</Encrypt></xml>"))
    with pytest.raises(CallbackTooLarge):
        read(query, b"x" * 1_000_000)


@pytest.mark.parametrize("missing", ["UserID", "ExternalUserID", "CreateTime"])
def test_an_event_without_its_parts_is_malformed(missing):
    with pytest.raises(CallbackMalformed):
        read(*letter({name: value for name, value in FIELDS.items() if name != missing}))


@pytest.mark.parametrize("key", ["", "canary", "k" * 43 + "=", "!" * 43])
def test_a_key_that_is_none_is_named_and_not_shown(key):
    with pytest.raises(CredentialsUnreadable) as refusal:
        CorpKeys(corp_id="ww1", token=TOKEN, encoding_aes_key=key)
    assert refusal.value.fields["part"] == "EncodingAESKey"
    assert "canary" not in f"{refusal.value!r}{refusal.value.fields}"


def test_altered_messages_are_refused_every_one():
    draw, (query, body) = random.Random(2026), letter()
    sealed = crypto.encrypted_of(body.decode()).encode()
    begin = body.index(sealed)
    for _ in range(MUTANTS):
        changed, asked = bytearray(body), dict(query)
        if draw.random() < 0.6:
            place = begin + draw.randrange(len(sealed))
            changed[place] ^= 1 << draw.randrange(7)
        else:
            name = draw.choice(list(asked))
            place = draw.randrange(len(asked[name]))
            asked[name] = asked[name][:place] + chr(ord(asked[name][place]) ^ 1) + asked[name][place + 1 :]
        with pytest.raises(CallbackUnverified):
            read(asked, bytes(changed))


def test_control_reading_without_the_signature_accepts_altered_messages():
    corp = Corp(corpid="ww1", token="another token", aes_key=AES_KEY)
    sealed = crypto.encrypt(corp, crypto.event_xml(corp, FIELDS), salt=b"s" * 16)
    query = dict(parse_qsl(crypto.wecom_query(corp, sealed, stamp=int(NOW.timestamp()), nonce="n1")))
    body = crypto.wrap(corp, sealed).encode()
    with pytest.raises(SignatureWrong):
        read(query, body)
    from storefront.adapters.wecom import notify  # noqa: PLC0415 the control reaches inside

    assert b"del_follow_user" in notify._opened(sealed, keys=keys_of("ww1"))
