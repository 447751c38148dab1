"""Callbacks from WeChat Pay: verified over the raw bytes, decrypted, told apart by what they carry, and answered in WeChat's form.

Stores nothing and decides nothing: amounts are compared by the verb that acts on the notification, which is kept once by its id.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from orders.ports import ChannelPayment, ChannelRefund
from settlement.ports import SplitNotice
from storefront.adapters.errors import (
    CallbackForAnotherMerchant,
    CallbackMalformed,
    CallbackTooLarge,
    CallbackUndecryptable,
    SignatureProbe,
)
from storefront.adapters.strict_json import strict_json
from storefront.adapters.tally import PROBES
from storefront.adapters.wechat_pay import messages, translate, translate_sharing
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from tenants.kernel.errors import Refusal

Told = TypeVar("Told")
Message = TypeVar("Message")

LARGEST_BODY = 64 * 1024
"""Bytes. Real callbacks have about two thousand."""
LONGEST_ID = 36

SUCCESS_ANSWER = '{"code":"SUCCESS","message":"成功"}'.encode()
"""Send with 200 once the notification is stored; an empty 204 says the same."""


class Notification(msgspec.Struct, frozen=True):
    """A verified callback: WeChat's id for it (the same on every repeat), and what it tells."""

    id: str
    told: ChannelPayment | ChannelRefund | SplitNotice


def failure_answer(refusal: Refusal) -> bytes:
    """WeChat's own FAIL body; send with a 4xx or 5xx, and WeChat will ask again."""
    return msgspec.json.encode({"code": "FAIL", "message": refusal.zh})


def read_callback(
    headers: Mapping[str, str], body: bytes, *, credentials: MerchantCredentials, now: datetime
) -> Notification:
    """Verify and open one callback; raises a CallbackUnverified (of `adapters/errors.py`) that names the reason."""
    if len(body) > LARGEST_BODY:
        raise CallbackTooLarge(size=len(body))
    try:
        credentials.verify(headers, body, now=now)
    except SignatureProbe:
        # Counted, and refused like any other: WeChat looks whether we check, and no one has to be called for it.
        PROBES.labels("callback").inc()
        raise
    envelope = _convert(strict_json(body), messages.Envelope)
    if not 1 <= len(envelope.id) <= LONGEST_ID:
        raise CallbackMalformed(part="id")
    sealed = envelope.resource
    if sealed.algorithm != messages.SEALING:
        raise CallbackUndecryptable(algorithm=sealed.algorithm[:LONGEST_ID])
    plain = credentials.unseal(ciphertext=sealed.ciphertext, nonce=sealed.nonce, associated=sealed.associated)
    return Notification(envelope.id, _told(strict_json(plain), credentials))


def _told(plain: Any, credentials: MerchantCredentials) -> ChannelPayment | ChannelRefund | SplitNotice:
    # By payload: split callbacks have been seen under the payment's event_type, so that word decides nothing.
    if not isinstance(plain, dict):
        raise CallbackMalformed(part="resource")
    named = (plain.get("sp_mchid") or plain.get("mchid"), plain.get("sub_mchid"))
    try:
        if "out_refund_no" in plain:
            refund = translate.refund_notice(_convert(plain, messages.RefundNotice))
            return _for_us(refund, credentials, same=named == _parties(credentials))
        if "trade_state" in plain:
            payment = translate.payment(_convert(plain, messages.Transaction))
            same = named == _parties(credentials) and payment.appid == credentials.payer_appid
            return _for_us(payment, credentials, same=same)
        if "order_id" in plain and "receiver" in plain:
            notice = translate_sharing.notice(_convert(plain, messages.SharingNotice))
            # Told to the receiver: it speaks of another merchant's payment, and of this merchant as who received.
            ours = credentials.payee in {notice.account, notice.merchant_no}
            return _for_us(notice, credentials, same=ours)
    except ValueError as error:
        raise CallbackMalformed(part="resource") from error
    raise CallbackMalformed(part="resource")


def _parties(credentials: MerchantCredentials) -> tuple[str, str | None]:
    return credentials.mchid, credentials.sub.mchid if credentials.sub else None


def _for_us(told: Told, credentials: MerchantCredentials, *, same: bool) -> Told:
    if not same:
        raise CallbackForAnotherMerchant(mchid=credentials.mchid)
    return told


def _convert(plain: Any, kind: type[Message]) -> Message:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise CallbackMalformed(kind=kind.__name__) from error
