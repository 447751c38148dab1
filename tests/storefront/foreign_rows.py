"""The matrix of ids, as one literal: for every operation who calls it, and where in it an id of which kind stands (`$kind`).

A request of the brand's own ids must succeed, so that a foreign id put in its place is what is refused. A position that may differ on
purpose stands in `MAY_DIFFER` with its reason; texts that name nothing stand in `PLAIN`.
"""

from typing import Any

import msgspec


class Ask(msgspec.Struct, frozen=True):
    """One request to an operation, with the ids as `$kind`; `#` is a new name each time."""

    role: str
    path: dict[str, str] = {}
    query: dict[str, str] = {}
    body: Any = None
    headers: dict[str, str] = {}
    own: int = 200
    """What it is answered with the brand's own ids."""


CART = [{"skuId": "$sku", "quantity": 1}]
AT_STORE = {"X-Store-Id": "$store"}
KEYED = {"Idempotency-Key": "$key"}
TOP = {"components": [{"id": "list", "type": "ProductList", "dataRef": {"by": "ids", "ids": ["$spu"]}}]}
LAYER = {"page_key": "home", "level": "store"}
CONTRACT = {
    "code": "#", "name": "湖畔", "activeFrom": "2026-01-01T00:00:00+08:00", "storeIds": ["$store"],
    "rates": [{"party": {"kind": "mall", "mallId": "$mall"}, "rateBps": 100}],
    "residualParty": {"kind": "brand", "mallId": None},
}  # fmt: skip
SHOP = {"name": "新店", "groupId": "$group", "merchantId": "$merchant", "mallId": "$mall"}
PERSON = {"name": "林", "password": "long enough for all", "role": "store_manager", "storeId": "$store"}

NUMBERS = {
    "fileName": "mall.csv",
    "content": "b3JkZXIsYW1vdW50ClgtMSwxLjAwCg==",
    "columns": {"orderNo": "order", "amount": "amount"},
}
"""A file of two columns and one row: order X-1, one yuan."""

ROWS: dict[str, Ask] = {
    "isAlive": Ask("nobody"),
    "isReady": Ask("nobody"),
    "resolveScene": Ask("guest", {"code": "$scene"}),
    "recordTouch": Ask("guest", body={"scene": "$scene", "visitor": "v" * 20}, own=201),
    "quote": Ask("shopper", body={"storeId": "$store", "lines": CART}),
    "listOwnOrders": Ask("shopper", query={"cursor": "$cursor_own"}),
    "placeOrder": Ask(
        "shopper", body={"storeId": "$store", "lines": CART, "totalFen": 19_900, "guideId": "$guide"},
        headers={"Idempotency-Key": "$fresh_key"}, own=201,
    ),
    "countOwnOrders": Ask("shopper"),
    "getOwnOrder": Ask("shopper", {"order_id": "$order"}),
    "getPayment": Ask("shopper", {"order_id": "$order"}, {"sync": "1"}),
    "preparePayment": Ask("shopper", {"order_id": "$open_order"}),
    "cancelOrder": Ask("shopper", {"order_id": "$cancelled_order"}),
    "getHome": Ask("guest", headers=AT_STORE),
    "getPage": Ask("guest", {"page_key": "home"}, headers=AT_STORE),
    "listListings": Ask(
        "guest", query={"category": "$category", "cursor": "$cursor_listings"}, headers=AT_STORE
    ),
    "getProduct": Ask("guest", {"spu_id": "$spu"}, headers=AT_STORE),
    "findBarcode": Ask("guest", {"barcode": "$barcode"}, headers=AT_STORE),
    "listCategories": Ask("guest"),
    "listNearbyStores": Ask("guest", query={"latitude": "31.2", "longitude": "121.4"}),
    "getStore": Ask("guest", {"store_id": "$store"}),
    "listLinks": Ask("hq"),
    "shareLink": Ask("hq", body={"storeId": "$store", "guideId": "$guide"}, own=201),
    "listStoreOrders": Ask("manager", query={"cursor": "$cursor_orders"}),
    "placeAssistedOrder": Ask(
        "manager", body={"shopperId": "$shopper", "lines": CART, "totalFen": 19_900},
        headers=AT_STORE | {"Idempotency-Key": "$fresh_key"}, own=201,
    ),
    "getStoreOrder": Ask("manager", {"order_id": "$order"}),
    "lookUpPickup": Ask("guide", query={"code": "$pickup"}),
    "listWaitingPickups": Ask("guide", query={"cursor": "$cursor_pickups"}, headers=AT_STORE),
    "redeemPickup": Ask("guide", body={"code": "$pickup"}, own=201),
    "requestRefund": Ask(
        "finance", {"order_id": "$refunded_order"}, body={"lines": [{"lineNo": 1, "amountFen": 1}], "reason": "换货"},
        headers={"Idempotency-Key": "$fresh_key"}, own=201,
    ),
    "repriceOrder": Ask("manager", {"order_id": "$open_order"}, body={"totalFen": 19_900, "reason": "老顾客"}),
    "listStaff": Ask("hq"),
    "employStaff": Ask("hq", body={"login": "#", **PERSON}, own=201),
    "dismissStaff": Ask("hq", {"staff_id": "$staff"}),
    "listGuides": Ask("hq", query={"storeId": "$store"}),
    "employGuide": Ask("hq", body={"code": "G-77", "name": "林", "storeId": "$store", "staffId": "$staff"}, own=201),
    "moveGuide": Ask("hq", {"guide_id": "$other_guide", "store_id": "$store"}),
    "keepGuideCard": Ask("hq", {"guide_id": "$guide"}, body={"cardNo": "card-1", "merchantId": "$merchant"}),
    "changeGuide": Ask("hq", {"guide_id": "$guide"}, body={"name": "林"}),
    "departGuide": Ask("hq", {"guide_id": "$leaving_guide"}, body={"takerGuideId": "$guide"}),
    "reassignRelations": Ask(
        "hq", {"guide_id": "$guide"}, body={"takerGuideId": "$taking_guide", "shopperIds": ["$shopper"]}
    ),
    "listMoves": Ask("hq", {"guide_id": "$left_guide"}, {"cursor": "$cursor_moves"}),
    "openContactWay": Ask("hq", {"guide_id": "$guide"}, own=409),
    "listContactWays": Ask("hq", {"guide_id": "$guide"}),
    "registerGuideCard": Ask("hq", {"guide_id": "$guide"}, own=409),
    "letGuideGo": Ask("hq", {"guide_id": "$other_guide"}),
    "startCommissionPlan": Ask(
        "hq", {"level": "store"}, {"levelId": "$store"}, own=201,
        body={"name": "提成", "rates": [{"rateBps": 1}], "activeFrom": "2030-01-01T00:00:00Z"},
    ),
    "listStores": Ask("hq", query={"cursor": "$cursor_stores"}),
    "openStore": Ask("hq", body={"code": "NEW1", **SHOP}, own=201),
    "changeStore": Ask("hq", {"store_id": "$spare_store"}, body={"code": "NEW2", **SHOP}),
    "listOwnerships": Ask("hq", {"store_id": "$store"}),
    "ownStore": Ask(
        "hq", {"store_id": "$spare_store"}, own=201,
        body={"ownership": "franchise", "ownerCode": "F01", "ownerName": "周边", "merchantId": "$merchant",
              "activeFrom": "2026-01-01T00:00:00+08:00"},
    ),
    "listMerchants": Ask("hq"),
    "ownMerchant": Ask("hq", {"merchant_id": "$merchant"}, body={"ownership": "direct"}),
    "listStoreGroups": Ask("hq"),
    "nameStoreGroup": Ask("hq", body={"code": "east", "name": "东"}),
    "listMalls": Ask("hq", query={"code": "$mall_code"}),
    "registerMall": Ask("hq", body={"code": "$mall_code", "name": "广场"}),
    "setOpeningHours": Ask("hq", {"level": "store"}, {"levelId": "$store"}, body={"weekly": []}),
    "listBrandProducts": Ask("hq", query={"code": "$spu_code", "cursor": "$cursor_products"}),
    "getBrandProduct": Ask("hq", {"spu_id": "$spu"}, {"storeId": "$store"}),
    "setPrices": Ask(
        "manager",
        body={"level": "store", "levelId": "$store", "prices": [{"skuId": "$sku", "priceFen": 19_900}], "withdraw": ["$other_sku"]},
    ),
    "setStock": Ask(
        "manager", body={"level": "store", "levelId": "$store", "counts": [{"skuId": "$sku", "onHand": 9}]}
    ),
    "setAssortment": Ask(
        "hq",
        body={"level": "store", "levelId": "$store", "carry": ["$sku"], "drop": ["$other_sku"], "inherit": ["$third_sku"]},
    ),
    "listPageVersions": Ask("hq", LAYER, {"levelId": "$store"}),
    "savePageDraft": Ask("hq", LAYER, {"levelId": "$store"}, body={"content": TOP}),
    "previewPage": Ask(
        "hq", LAYER | {"version": "1"}, {"levelId": "$store", "storeId": "$store", "at": "2026-11-21T08:00:00Z"}
    ),
    "publishPage": Ask("hq", LAYER | {"version": "1"}, {"levelId": "$store"}),
    "retirePage": Ask("hq", LAYER | {"version": "1"}, {"levelId": "$store"}),
    "schedulePage": Ask(
        "hq", LAYER | {"version": "1"}, {"levelId": "$spare_store"}, body={"publishAt": "2030-01-01T00:00:00Z"}
    ),
    "listContracts": Ask("finance", query={"code": "$contract_code"}),
    "createContract": Ask("finance", body=CONTRACT, own=201),
    "rehearseContract": Ask("finance", body=CONTRACT | {"month": "2026-01"}),
    "getContract": Ask("finance", {"contract_id": "$contract"}),
    "listPromotions": Ask("finance"),
    "startPromotion": Ask(
        "finance", own=201,
        body={"code": "#", "name": "双十一", "activeFrom": "2026-11-11T00:00:00+08:00",
              "funders": [{"role": "mall", "rateBps": 5000}], "residualFunder": "brand"},
    ),
    "endPromotion": Ask("finance", {"promotion_id": "$promotion"}, body={"activeTo": "2026-12-01T00:00:00Z"}),
    "listClaims": Ask("finance", query={"partyId": "$party"}),
    "listPeriods": Ask("finance"),
    "closeMonth": Ask("finance", body={"month": "2025-01"}, own=409),
    "listStatements": Ask("finance"),
    "getStatement": Ask("finance", {"statement_id": "$statement"}),
    "getStatementFile": Ask("finance", {"statement_id": "$statement", "kind": "csv"}),
    "approveStatement": Ask("finance", {"statement_id": "$brand_statement"}),
    "noteAgreement": Ask("finance", {"statement_id": "$brand_statement"}, body={"evidence": "盖章原件"}),
    "recordInvoice": Ask(
        "finance", {"statement_id": "$brand_statement"}, own=201,
        body={"invoiceNo": "#", "issuedOn": "2026-11-05", "amountFen": 106, "taxFen": 6},
    ),
    "listInvoices": Ask("finance", {"statement_id": "$brand_statement"}),
    "proposeAdjustment": Ask(
        "finance", headers={"Idempotency-Key": "$fresh_key"}, own=201,
        body={
            "partyId": "$party", "contractId": "$other_contract", "amountFen": 5, "reason": "漏记", "storeId": "$store",
            "statementId": "$other_statement", "orderId": "$other_money_order", "counterpartyId": "$brand_party",
        },
    ),
    "listAdjustments": Ask("finance"),
    "decideAdjustment": Ask("finance", {"adjustment_id": "$adjustment"}, body={"agrees": True}),
    "openDispute": Ask("finance", {"statement_id": "$other_statement"}, body={"reason": "金额不符"}, own=201),
    "listDisputes": Ask("finance", {"statement_id": "$statement"}),
    "importNumbers": Ask("finance", {"dispute_id": "$dispute"}, body=NUMBERS),
    "importMallNumbers": Ask("mall", {"dispute_id": "$dispute"}, body=NUMBERS),
    "openMallDispute": Ask("mall", {"statement_id": "$statement"}, body={"reason": "金额不符"}, own=409),
    "listMallDisputes": Ask("mall", {"statement_id": "$statement"}),
    "agreeToMallStatement": Ask("mall", {"statement_id": "$statement"}, own=409),
    "answerDifference": Ask(
        "finance", {"dispute_id": "$dispute", "number": "1"},
        body={"oursStand": False, "reason": "以对方为准", "contractId": "$contract", "amountFen": 1},
    ),
    "resolveDispute": Ask("finance", {"dispute_id": "$dispute"}, body={"resolution": "已核对"}, own=409),
    "listPayees": Ask("finance"),
    "setPayee": Ask(
        "finance", {"party_id": "$party"},
        body={"kind": "bank", "accountName": "某某公司", "accountNo": "6222000011112222", "bankName": "某银行"},
    ),
    "preparePayout": Ask("finance", body={}),
    "listPayouts": Ask("finance"),
    "getPayout": Ask("finance", {"payout_id": "$payout"}),
    "getPayoutFile": Ask("finance", {"payout_id": "$payout", "kind": "companies"}, own=409),
    "releasePayout": Ask("finance", {"payout_id": "$payout"}, own=409),
    "recordPayoutOutcome": Ask("finance", {"payout_id": "$payout", "number": "1"}, body={"outcome": "paid"}, own=409),
    "importPayoutResults": Ask(
        "finance", {"payout_id": "$payout"}, body={"fileName": "r.csv", "content": "YSxiCjEsMgo="}, own=422
    ),
    "withdrawPayout": Ask("finance", {"payout_id": "$payout"}),
    "listReceivers": Ask("finance"),
    "getSplitPolicy": Ask("finance"),
    "chooseSplitPolicy": Ask("finance", body={"returnDays": 3}),
    "addReceiver": Ask(
        "finance", own=201,
        body={"partyId": "$party", "account": "1900000109", "legalName": "某某公司", "merchantId": "$merchant"},
    ),
    "endReceiver": Ask("finance", {"receiver_id": "$receiver"}),
    "listSplits": Ask("finance"),
    "getOrderSplits": Ask("finance", {"order_id": "$order"}),
    "getOrderMoney": Ask("finance", {"order_id": "$money_order"}),
    "listReconciledDays": Ask("finance", query={"cursor": "$cursor_days"}),
    "listDifferences": Ask("finance", query={"cursor": "$cursor_differences"}),
    "getDifference": Ask("finance", {"difference_id": "$difference"}),
    "assignDifference": Ask("finance", {"difference_id": "$difference"}, body={"owner": "林会计"}),
    "resolveDifference": Ask("finance", {"difference_id": "$other_difference"}, body={"reason": "渠道已更正"}),
    "proveDay": Ask("finance", query={"day": "2026-10-08"}),
    "getOrderWaterfall": Ask("finance", {"order_id": "$money_order"}),
    "getPartyBalance": Ask("finance", {"party_id": "$party"}),
    "listExpectedFees": Ask("finance", query={"month": "2026-10"}),
    "listSuspense": Ask("finance"),
    "getMallBalance": Ask("mall"),
    "listMallStatements": Ask("mall"),
    "getMallStatementFile": Ask("mall", {"statement_id": "$statement", "kind": "xlsx"}),
    "listTenants": Ask("operator", query={"cursor": "$cursor_tenants"}),
    "getTenant": Ask("operator", {"tenant_id": "$tenant"}),
    "listParkedJobs": Ask("operator", {"tenant_id": "$tenant"}, {"cursor": "$cursor_jobs"}),
    "retryJob": Ask("operator", {"tenant_id": "$tenant", "job_id": "$job"}, body={"reason": "again"}, own=201),
    "employFirstStaff": Ask(
        "operator", {"tenant_id": "$tenant"}, body={"login": "#", **PERSON}, own=201
    ),
    "addMerchant": Ask("operator", {"tenant_id": "$tenant"}, body={"merchantNo": "1900000999"}, own=422),
    "connectTenant": Ask("operator", {"tenant_id": "$tenant"}, body={"push": {"token": "token"}}),
    "createTenant": Ask("operator", body={"orgId": None}, own=422),
    "logInStaff": Ask("nobody", body={"tenantCode": "$tenant_code", "login": "$login", "password": "wrong"}, own=403),
    "logInOperator": Ask("nobody", body={"login": "$login", "password": "wrong"}, own=403),
    "logInShopper": Ask("nobody", body={"code": "none", "appid": "$appid", "scene": "$scene", "visitor": "v" * 20}, own=422),
    "refreshShopperSession": Ask("nobody", body={"refreshToken": "nonsense"}, own=403),
    "refreshStaffSession": Ask("nobody", body={"refreshToken": "nonsense"}, own=403),
    "refreshOperatorSession": Ask("nobody", body={"refreshToken": "nonsense"}, own=403),
    "receiveWechatPay": Ask("nobody", {"callback_key": "$callback_key"}, own=401),
    "verifyWecomAddress": Ask("nobody", {"callback_key": "$callback_key"}, own=401),
    "receiveWecom": Ask("nobody", {"callback_key": "$callback_key"}, own=401),
    "verifyPushAddress": Ask("nobody", {"callback_key": "$callback_key"}, own=401),
    "receivePush": Ask("nobody", {"callback_key": "$callback_key"}, own=401),
    "receiveMerchantsWechatPay": Ask(
        "nobody", {"callback_key": "$callback_key", "merchant_no": "$merchant_no"}, own=401
    ),
}  # fmt: skip

MAY_DIFFER: dict[str, str] = {
    "mall": "malls are shared by all brands: another brand's mall is everybody's",
    "mall_code": "the same: a mall has one code for all brands",
    "tenant": "operators look after every brand",
    "cursor_tenants": "the same",
    "appid": "it stands in every mini-program's page; naming a brand by it is what it is for",
    "callback_key": "a secret that only WeChat is told; what follows it must be signed with the brand's key",
}
"""Kinds whose foreign value may be answered otherwise than one that names nothing, and why."""

PLAIN = {
    "name", "remark", "password", "reason", "phone", "openid", "wecomUserid", "campaign", "target", "mallFloor",
    "province", "city", "district", "address", "timeZone", "businessDayStarts", "opens", "closes", "sourceText",
    "month", "title", "background", "visitor", "launchScene", "refreshToken", "q", "sort", "tag", "status", "limit",
    "latitude", "longitude", "day", "first", "last", "bill", "owner", "level", "page_key", "version", "kind", "sync", "at", "appSecret", "merchantNo",
    "ownership", "ownerName", "role", "residualFunder", "collectedSources",
    "legalName", "account", "cardNo", "warned", "certificateSerial", "privateKey", "apiV3Key", "wechatPublicKeys", "remove",
    "avatarUrl", "token", "corpId", "contactSecret", "callbackToken", "encodingAesKey", "subAppid", "brandMerchantNo", "wechatStoreNo", "scene", "categoryCode",
    "invoiceNo", "issuedOn", "evidence", "resolution", "fileName", "content", "orderNo", "lineNo", "amount", "sheet",
    "skipWords", "accountName", "accountNo", "bankName", "payrollNo", "bankReference", "trouble", "dueOn", "on", "number",
    "versions",
    "skuCode", "promotionCode", "validFromOn", "validToOn",
}  # fmt: skip
"""Fields that name nothing: free texts, choices, numbers, times. A field that is neither here nor a `$kind` of its row fails."""

NEW_NAMES = {("openStore", "code"), ("changeStore", "code"), ("nameStoreGroup", "code"), ("employStaff", "login"),
             ("employFirstStaff", "login"), ("employGuide", "code"), ("createContract", "code"), ("rehearseContract", "code"),
             ("createTenant", "code"), ("recordInvoice", "invoiceNo"),
             ("createTenant", "appid"), ("logInShopper", "code"), ("logInStaff", "login"), ("ownStore", "ownerCode"), ("startPromotion", "code"), ("ownMerchant", "ownerCode"),
             ("addMerchant", "ownerCode"), ("addMerchant", "appid"), ("connectTenant", "appid")}  # fmt: skip
"""Names that a request gives (or a vendor's one-time code), not names it looks up."""

ACROSS: list[tuple[str, Ask, str, str]] = [
    ("getStoreOrder", ROWS["getStoreOrder"], "order", "elsewhere_order"),
    ("getOwnOrder", ROWS["getOwnOrder"], "order", "others_order"),
    ("getPayment", ROWS["getPayment"], "order", "others_order"),
    ("preparePayment", ROWS["preparePayment"], "open_order", "others_order"),
    ("cancelOrder", ROWS["cancelOrder"], "cancelled_order", "others_order"),
    ("getMallStatementFile", ROWS["getMallStatementFile"], "statement", "other_statement"),
    ("openMallDispute", ROWS["openMallDispute"], "statement", "other_statement"),
    ("listMallDisputes", ROWS["listMallDisputes"], "statement", "other_statement"),
    ("agreeToMallStatement", ROWS["agreeToMallStatement"], "statement", "other_statement"),
    ("importMallNumbers", ROWS["importMallNumbers"], "dispute", "other_dispute"),
    (
        "requestRefund",
        Ask("manager", {"order_id": "$refunded_order"}, headers={"Idempotency-Key": "$fresh_key"},
            body={"lines": [{"lineNo": 1, "amountFen": 1}], "reason": "换货"}),
        "refunded_order", "elsewhere_order",
    ),
    ("repriceOrder", ROWS["repriceOrder"], "open_order", "elsewhere_order"),
    ("setPrices", ROWS["setPrices"], "store", "elsewhere"),
    ("setStock", ROWS["setStock"], "store", "elsewhere"),
    ("setAssortment", Ask("manager", body=ROWS["setAssortment"].body), "store", "elsewhere"),
    ("setOpeningHours", Ask("manager", {"level": "store"}, {"levelId": "$store"}, {"weekly": []}), "store", "elsewhere"),
    ("listPageVersions", Ask("manager", LAYER, {"levelId": "$store"}), "store", "elsewhere"),
    ("savePageDraft", Ask("manager", LAYER, {"levelId": "$store"}, {"content": TOP}), "store", "elsewhere"),
    ("previewPage", Ask("manager", LAYER | {"version": "1"}, {"levelId": "$store"}), "store", "elsewhere"),
    ("publishPage", Ask("manager", LAYER | {"version": "1"}, {"levelId": "$store"}), "store", "elsewhere"),
    ("retirePage", Ask("manager", LAYER | {"version": "1"}, {"levelId": "$store"}), "store", "elsewhere"),
    ("shareLink", Ask("guide", body={"storeId": "$store", "guideId": "$guide"}), "store", "elsewhere"),
    ("shareLink", Ask("guide", body={"storeId": "$store", "guideId": "$guide"}), "guide", "other_guide"),
]  # fmt: skip
"""Within one brand: another store's ids for a store's people, another shopper's order, another mall's statement."""
