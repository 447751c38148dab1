"""How a vendor's message is refused: one class for each reason a callback or an answer cannot be trusted.

A refused callback is answered in the vendor's own form and changes nothing; a refused answer makes the call's outcome unknown.
Fields name serials and sizes only: never a key, a plaintext or a signature.
"""

from tenants.kernel.errors import Broken, Invalid


class CredentialsUnreadable(Broken):
    """The merchant's stored payment credentials cannot be used."""

    zh = "商户支付凭据无法使用"


class BillUnreadable(Broken):
    """The channel's bill cannot be understood."""

    zh = "无法解析渠道账单"


class BillDigestWrong(BillUnreadable):
    """The bill that was downloaded is not the one that was announced."""

    zh = "渠道账单的摘要不符"


class BillColumnUnknown(BillUnreadable):
    """The bill has a column that we do not know, or lacks one that we need."""

    zh = "渠道账单的列无法识别"


class CallbackUnverified(Invalid):
    """The message could not be verified as the vendor's."""

    zh = "无法验证消息来源"


class SignatureHeaderMissing(CallbackUnverified):
    """A signature header is missing or unreadable."""

    zh = "缺少签名请求头或其内容无法识别"


class SignatureStale(CallbackUnverified):
    """The message was signed too long ago or in the future."""

    zh = "签名时间超出允许范围"


class SignatureSerialUnknown(CallbackUnverified):
    """The message names a key that this merchant does not trust."""

    zh = "签名所用的密钥序列号未知"


class SignatureWrong(CallbackUnverified):
    """The signature does not belong to these bytes."""

    zh = "签名验证失败"


class SignatureKeyExpired(CallbackUnverified):
    """The message is signed with a certificate that is not valid at this time."""

    zh = "签名所用的平台证书不在有效期内"


class SignatureProbe(CallbackUnverified):
    """The message is a probe: it must fail verification, and did."""

    zh = "签名探测消息，按约定拒绝"


class CallbackTooLarge(CallbackUnverified):
    """The message is larger than any real one."""

    zh = "消息体过大"


class CallbackMalformed(CallbackUnverified):
    """The message is signed but cannot be understood."""

    zh = "消息内容无法解析"


class CallbackKeyRepeated(CallbackMalformed):
    """The message names a field twice, so that two readers could see two amounts."""

    zh = "消息中存在重复字段"


class CallbackUndecryptable(CallbackUnverified):
    """The message's sealed part does not open with this merchant's key."""

    zh = "消息密文无法解密"


class CallbackForAnotherMerchant(CallbackUnverified):
    """The message speaks of another merchant or mini-program than the one it was sent to."""

    zh = "消息所属商户或小程序不符"
