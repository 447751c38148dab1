"""What notifications look like: WeChat Pay's sealed and signed, mini-programs' pushes signed in the address, WeCom's encrypted XML.

A body is made once; what authenticates it is made afresh for each attempt.
"""

import msgspec

from storefront.simulators.passing import News, SplitArrived, TransferFailed
from storefront.simulators.records import Callback, Merchant, Payment, Refund, SplitReturn
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini import parcels
from storefront.simulators.wechat_mini.push import push_body, push_query
from storefront.simulators.wechat_mini.records import Parcel
from storefront.simulators.wechat_pay import books, envelope, refunds, split_returns, splits
from storefront.simulators.wechat_pay.refusals import wechat_time
from storefront.simulators.wecom import crypto
from storefront.simulators.wecom.records import Corp
from storefront.simulators.wecom.transfers import REFUSED


class Letter(msgspec.Struct, kw_only=True):
    """A notification before it is sealed; `owner` is a mchid, an appid or a corpid."""

    owner: str
    url: str
    form: str = "pay"
    original: str = ""
    event: str
    summary: str = ""
    plain: dict[str, object] = {}
    text: str = ""
    out_trade_no: str = ""
    out_refund_no: str | None = None
    number: str | None = None


def payment(payment: Payment) -> Letter:
    """A payment succeeded."""
    return Letter(
        owner=payment.mchid,
        url=payment.notify_url,
        original="transaction",
        event="TRANSACTION.SUCCESS",
        summary="支付成功",
        plain=books.transaction_body(payment),
        out_trade_no=payment.out_trade_no,
    )


def of_news(simulation: Simulation, news: News) -> list[Letter]:
    """Whom to tell of what happened, if anybody."""
    if isinstance(news, Refund):
        return _refund(simulation, news)
    if isinstance(news, SplitArrived):
        return _split(simulation, news)
    if isinstance(news, SplitReturn):
        return _split_return(simulation, news)
    if isinstance(news, Parcel):
        return of_parcel(simulation, news)
    return transfer_failed(news)


def _refund(simulation: Simulation, refund: Refund) -> list[Letter]:
    if refund.notify_url is None:
        return []
    letter = Letter(
        owner=refund.mchid,
        url=refund.notify_url,
        original="refund",
        event=f"REFUND.{refund.status}",
        summary="退款通知",
        plain=refunds.refund_body(simulation, refund, notice=True),
        out_trade_no=simulation.state.payments[refund.payment].out_trade_no,
        out_refund_no=refund.out_refund_no,
    )
    return [letter]


def _told(receiver: Merchant | None) -> bool:
    return receiver is not None and receiver.split_notify_url is not None and bool(receiver.api_v3_key)


def _split(simulation: Simulation, news: SplitArrived) -> list[Letter]:
    plain = splits.notice_body(simulation, news.split, detail=news.detail)
    number = simulation.state.payments[news.split.payment].out_trade_no
    receiver = simulation.state.merchants.get(news.detail.account)
    found = []
    if news.detail.type == "MERCHANT_ID" and receiver is not None and _told(receiver):
        found.append(_to_receiver(receiver, plain, kind="SUCCESS", number=(number, news.split.out_order_no)))
    if news.split.notify_url is not None:
        found.append(
            Letter(
                owner=news.split.mchid,
                url=news.split.notify_url,
                original="profitsharing",
                event="PROFITSHARING.SUCCESS",
                summary="分账",
                plain=plain,
                out_trade_no=number,
                number=news.split.out_order_no,
            )
        )
    return found


def _split_return(simulation: Simulation, found: SplitReturn) -> list[Letter]:
    receiver = simulation.state.merchants[found.return_mchid]
    if not _told(receiver):
        return []
    number = simulation.state.payments[simulation.state.splits[found.split].payment].out_trade_no
    plain = split_returns.notice_body(simulation, found)
    return [_to_receiver(receiver, plain, kind="RETURN", number=(number, found.out_return_no))]


def _to_receiver(
    receiver: Merchant, plain: dict[str, object], *, kind: str, number: tuple[str, str]
) -> Letter:
    """To the receiver's own address. Documents name PROFITSHARING events; what arrives in practice is called TRANSACTION.SUCCESS."""
    documented = receiver.split_event == "PROFITSHARING"
    return Letter(
        owner=receiver.mchid,
        url=receiver.split_notify_url or "",
        original="profitsharing" if documented else "transaction",
        event=f"PROFITSHARING.{kind}" if documented else "TRANSACTION.SUCCESS",
        summary="分账" if kind == "SUCCESS" else "分账回退",
        plain=plain,
        out_trade_no=number[0],
        number=number[1],
    )


def of_parcel(simulation: Simulation, parcel: Parcel) -> list[Letter]:
    """A trade-managed payment is about to be settled, or was."""
    app = simulation.state.apps.get(parcel.appid)
    if app is None or app.push_url is None:
        return []
    event = parcels.settlement_event(simulation, parcel)
    letter = Letter(
        owner=app.appid,
        url=app.push_url,
        form="mini",
        event="trade_manage_order_settlement",
        plain={"ToUserName": app.appid, "FromUserName": parcel.openid, **event},
        out_trade_no=simulation.state.payments[parcel.payment].out_trade_no,
    )
    return [letter]


def transfer_failed(news: TransferFailed) -> list[Letter]:
    """A contact did not move to its new member."""
    reason = "customer_refused" if news.transfer.status == REFUSED else "customer_limit_exceed"
    fields: dict[str, str | int] = {
        "UserID": news.transfer.takeover,
        "ExternalUserID": news.transfer.external_userid,
        "FailReason": reason,
    }
    return contact_changed(news.corp, "transfer_fail", fields=fields)


def contact_changed(corp: Corp, change: str, *, fields: dict[str, str | int]) -> list[Letter]:
    """An external contact changed by somebody's hand."""
    if corp.callback_url is None:
        return []
    named: dict[str, str | int] = {"Event": "change_external_contact", "ChangeType": change}
    text = crypto.event_xml(corp, named | fields)
    return [Letter(owner=corp.corpid, url=corp.callback_url, form="wecom", event=change, text=text)]


def sealed(simulation: Simulation, letter: Letter) -> Callback:
    """Make the body that never changes again."""
    drawn, now = simulation.draw("callback"), simulation.clock.now()
    if letter.form == "pay":
        body = _sealed_for_merchant(simulation, letter, drawn=drawn)
    elif letter.form == "mini":
        plain = {**letter.plain, "CreateTime": int(now.timestamp())}
        body = push_body(simulation.state.apps[letter.owner], plain, salt=drawn[:16].encode())
    else:
        corp = simulation.state.corps[letter.owner]
        text = letter.text.replace("</xml>", f"<CreateTime>{int(now.timestamp())}</CreateTime></xml>")
        body = crypto.wrap(corp, crypto.encrypt(corp, text, salt=drawn[:16].encode()))
    return Callback(
        id=drawn[:32],
        mchid=letter.owner,
        event_type=letter.event,
        notify_url=letter.url,
        body=body,
        form=letter.form,
        out_trade_no=letter.out_trade_no,
        out_refund_no=letter.out_refund_no,
        number=letter.number,
        due_at=now,
    )


def _sealed_for_merchant(simulation: Simulation, letter: Letter, *, drawn: str) -> str:
    resource = envelope.seal(
        simulation.state.merchants[letter.owner].api_v3_key,
        msgspec.json.encode(letter.plain),
        associated=letter.original,
        nonce=drawn[32:44],
    )
    body = {
        "id": drawn[:32],
        "create_time": wechat_time(simulation.clock.now()),
        "resource_type": "encrypt-resource",
        "event_type": letter.event,
        "summary": letter.summary,
        "resource": {"original_type": letter.original} | resource,
    }
    return msgspec.json.encode(body).decode()


def addressed(simulation: Simulation, callback: Callback, *, probe: bool) -> tuple[str, dict[str, str]]:
    """The address and headers of one attempt, freshly signed."""
    stamp, nonce = simulation.clock.stamp(), simulation.draw("nonce")[:32]
    url, agent = callback.notify_url, {"User-Agent": "Mozilla/4.0"}
    join = "&" if "?" in url else "?"
    if callback.form == "mini":
        app = simulation.state.apps[callback.mchid]
        query = push_query(app, callback.body, stamp=stamp, nonce=nonce)
        return f"{url}{join}{query}", agent | {"Content-Type": "application/json"}
    if callback.form == "wecom":
        corp = simulation.state.corps[callback.mchid]
        query = crypto.wecom_query(corp, crypto.encrypted_of(callback.body), stamp=stamp, nonce=nonce)
        return f"{url}{join}{query}", agent | {"Content-Type": "text/xml"}
    merchant = simulation.state.merchants[callback.mchid]
    now = simulation.clock.now()
    serial, key = envelope.answering_key(simulation.state, merchant, asked=merchant.wechat_key_id, now=now)
    headers = envelope.signature_headers(key, callback.body.encode(), serial=serial, stamp=stamp, nonce=nonce)
    if probe:
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    return url, agent | headers | {"Content-Type": "application/json"}
