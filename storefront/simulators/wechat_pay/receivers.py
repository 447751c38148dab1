"""Who may be split to: receivers of a merchant and of a chain's brand, their names checked against what is registered."""

from storefront.simulators.records import Merchant, Payment, Receiver
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay.refusals import GatewayRefusal

NAME_UNREADABLE = "请确认待处理的消息是否为加密后的密文"


def owner_key(mchid: str, *, brand: bool) -> str:
    """Whose list it is: ordinary receivers belong to the payee, a chain's to the brand."""
    return f"brand:{mchid}" if brand else mchid


def add(simulation: Simulation, receiver: Receiver) -> Receiver:
    """Add (again) a receiver whose name, where it is required or given, is the registered one."""
    check_name(simulation, receiver.type, account=receiver.account, name=receiver.name, required=True)
    if receiver.relation_type == "CUSTOM" and receiver.custom_relation is None:
        raise GatewayRefusal(400, "PARAM_ERROR", message="relation_type为CUSTOM时，custom_relation必填")
    simulation.state.receivers[f"{receiver.owner}/{receiver.type}/{receiver.account}"] = receiver
    return receiver


def check_name(simulation: Simulation, kind: str, *, account: str, name: str | None, required: bool) -> None:
    """Compare a name with the registered one: merchants' full legal names, persons' real names."""
    if kind == "MERCHANT_ID":
        merchant = simulation.state.merchants.get(account)
        if merchant is None:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="分账接收商户不存在")
        if name is None and not required:
            return
        if name is None:
            raise GatewayRefusal(400, "PARAM_ERROR", message="分账接收方类型为MERCHANT_ID时，商户全称必填")
        if name != merchant.legal_name:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="分账接收商户全称不匹配")
    elif name is not None and name != simulation.state.persons.get(account):
        raise GatewayRefusal(400, "INVALID_REQUEST", message="微信用户姓名与实名不一致")


def delete(simulation: Simulation, owner: str, *, kind: str, account: str) -> None:
    """Delete a receiver; deleting one that is not there is an error."""
    if simulation.state.receivers.pop(f"{owner}/{kind}/{account}", None) is None:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="分账接收方关系不存在")


def is_related(simulation: Simulation, payment: Payment, *, brand: str | None, part: tuple[str, str]) -> bool:
    """Whether this payment may be split to that receiver; a chain's brand, and a brand's own stores, need not be added."""
    kind, account = part
    owner = owner_key(brand or payment.payee, brand=brand is not None)
    if f"{owner}/{kind}/{account}" in simulation.state.receivers:
        return True
    if brand is None or kind != "MERCHANT_ID":
        return False
    store = simulation.state.merchants.get(account)
    own_store = payment.payee == brand and store is not None and store.brand == brand
    return account == brand or own_store


def app_of(merchant: Merchant, appid: str) -> None:
    """Refuse an app that is not the caller's."""
    if appid not in merchant.appids:
        raise GatewayRefusal(400, "PARAM_ERROR", message="appid与商户号不匹配")
