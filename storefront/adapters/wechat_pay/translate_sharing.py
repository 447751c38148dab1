"""Profit sharing's messages into the structs of `settlement.ports`, and refusals into reasons. Pure.

WeChat gives one code (INVALID_REQUEST) to a dozen refusals and tells them apart in the sentence alone, so the sentence is read; one
that nobody knows is OTHER, with code and sentence as they came.
"""

from orders.ports import Refused
from settlement.ports import (
    ChannelReturn,
    ChannelSplit,
    PartState,
    Reason,
    ReceiverKind,
    Relation,
    ReturnState,
    SplitNotice,
    SplitRefused,
    SplitState,
    Trouble,
)
from storefront.adapters.wechat_pay import messages
from storefront.adapters.wechat_pay import sharing_messages as words
from storefront.adapters.wechat_pay.translate import moment
from tenants.kernel.money import Fen

MERCHANT, OPENID, SUB_OPENID = "MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"
LONGEST_DESCRIPTION = 80
LONGEST_RELATION = 10
CUSTOM = "CUSTOM"
RELATIONS = {
    Relation.STORE: "STORE",
    Relation.STAFF: "STAFF",
    Relation.STORE_OWNER: "STORE_OWNER",
    Relation.PARTNER: "PARTNER",
    Relation.HEADQUARTERS: "HEADQUARTER",
    Relation.BRAND: "BRAND",
    Relation.DISTRIBUTOR: "DISTRIBUTOR",
    Relation.SUPPLIER: "SUPPLIER",
    Relation.SERVICE_PROVIDER: "SERVICE_PROVIDER",
}
BRAND_RELATIONS = {
    Relation.SUPPLIER: "SUPPLIER",
    Relation.DISTRIBUTOR: "DISTRIBUTOR",
    Relation.SERVICE_PROVIDER: "SERVICE_PROVIDER",
    Relation.PLATFORM: "PLATFORM",
    Relation.STAFF: "STAFF",
}
"""Everything else is OTHERS there."""
_SENTENCES = (
    ("可用余额不足", Reason.BALANCE_SHORT),
    ("分账金额为0", Reason.ENDED),
    ("订单处理中", Reason.TOO_EARLY),
    ("结算周期", Reason.TOO_EARLY),
    ("确认收货", Reason.TOO_EARLY),
    ("非分账订单", Reason.NOT_MARKED),
    ("接收方关系不存在", Reason.NO_RELATION),
    ("全称不匹配", Reason.NAME_MISMATCH),
    ("实名不一致", Reason.NAME_MISMATCH),
    ("最大分账比例", Reason.OVER_RATIO),
    ("与原请求不一致", Reason.OTHER_CONTENT),
    ("可回退的金额不足", Reason.NOT_ENOUGH),
    ("回退方不存在", Reason.NOT_FOUND),
    ("有效期", Reason.ENDED),
    ("已完结", Reason.ENDED),
)
"""First match wins: a sentence about a balance is about the balance, whatever else it names."""
_CODES = {
    "NOT_ENOUGH": Reason.NOT_ENOUGH,
    "NO_AUTH": Reason.NO_PERMISSION,
    "RULE_LIMIT": Reason.TOO_MANY,
    "RESOURCE_NOT_EXISTS": Reason.NOT_FOUND,
    "ORDER_NOT_EXIST": Reason.NOT_FOUND,
}
_TROUBLES = {
    "ACCOUNT_ABNORMAL": Trouble.ACCOUNT,
    "NO_RELATION": Trouble.NO_RELATION,
    "RECEIVER_HIGH_RISK": Trouble.RISK,
    "RECEIVER_REAL_NAME_NOT_VERIFIED": Trouble.NAME,
    "NO_AUTH": Trouble.PERMISSION,
    "RECEIVER_RECEIPT_LIMIT": Trouble.LIMIT,
    "PAYER_ACCOUNT_ABNORMAL": Trouble.PAYER,
    "BALANCE_NOT_ENOUGH": Trouble.BALANCE,
    "TIME_OUT_CLOSED": Trouble.TIMED_OUT,
}
_PARTS = {"SUCCESS": PartState.DONE, "CLOSED": PartState.CLOSED}
_RETURNS = {"SUCCESS": ReturnState.DONE, "FAILED": ReturnState.FAILED, "FAIL": ReturnState.FAILED}
FINISHED = "FINISHED"


def refused(refusal: Refused) -> SplitRefused:
    """Say what a refusal means for us."""
    by_code = _CODES.get(refusal.code, Reason.OTHER)
    reason = next((reason for words_, reason in _SENTENCES if words_ in refusal.message), by_code)
    return SplitRefused(reason=reason, code=refusal.code, message=refusal.message)


def not_offered(call: str) -> SplitRefused:
    """A call that this product does not have."""
    return SplitRefused(reason=Reason.NOT_OFFERED, code="NOT_OFFERED", message=f"{call} is not offered here")


def split(answer: words.SplitAnswer, *, with_parts: bool) -> ChannelSplit:
    """Read a split; raises ValueError for a time that is none."""
    return ChannelSplit(
        transaction_id=answer.transaction_id,
        split_no=answer.out_order_no,
        channel_no=answer.order_id,
        finished=FINISHED in {answer.state, answer.status},
        # An unfreeze names the payee as its receiver, which is no part of a split.
        parts=[_part(each) for each in answer.receivers] if with_parts else [],
    )


def _part(answer: words.PartAnswer) -> SplitState:
    return SplitState(
        kind=ReceiverKind.MERCHANT if answer.type == MERCHANT else ReceiverKind.PERSON,
        account=answer.account,
        amount_fen=Fen(answer.amount),
        state=_PARTS.get(answer.result, PartState.PENDING),
        detail_id=answer.detail_id,
        trouble=_trouble(answer.fail_reason),
        code=answer.fail_reason,
        finished_at=moment(answer.finish_time),
    )


def _trouble(code: str | None) -> Trouble | None:
    return _TROUBLES.get(code, Trouble.OTHER) if code else None


def give_back(answer: words.ReturnAnswer) -> ChannelReturn:
    """Read a return; raises ValueError for a time that is none."""
    return ChannelReturn(
        split_no=answer.out_order_no,
        return_no=answer.out_return_no,
        merchant_no=answer.return_mchid,
        amount_fen=Fen(answer.amount),
        state=_RETURNS.get(answer.result, ReturnState.PENDING),
        channel_no=answer.return_id or answer.return_no,
        trouble=_trouble(answer.fail_reason),
        code=answer.fail_reason,
        finished_at=moment(answer.finish_time),
    )


def notice(told: messages.SharingNotice) -> SplitNotice:
    """Read a receiver's notification; raises ValueError for a time that is none, or without its merchant."""
    merchant_no = told.sub_mchid or told.mchid
    if not merchant_no:
        raise ValueError("a split without its merchant")
    return SplitNotice(
        merchant_no=merchant_no,
        transaction_id=told.transaction_id,
        channel_no=told.order_id,
        number=told.out_order_no,
        account=told.receiver.account,
        amount_fen=Fen(told.receiver.amount),
        at=moment(told.success_time),
    )
