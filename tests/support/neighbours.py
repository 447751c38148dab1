"""Two brands with one of everything that has an id, for looking from one into the other. The second one's texts are canaries."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from guides.commands import EmployGuide, ShareLink
from guides.employ import employ_guide
from guides.share import found_relation, share_link
from guides.states import RelationSource
from orders.events import OrderPaid
from orders.payments import record_payment
from orders.ports import ChannelPayment, PaymentState
from settlement.close import close_month
from settlement.disputes.answer import resolve_dispute
from settlement.disputes.commands import OpenDispute, ResolveDispute
from settlement.disputes.open import open_dispute
from settlement.payouts.commands import PreparePayout, SetPayee
from settlement.payouts.payees import set_payee
from settlement.payouts.prepare import prepare_payout
from settlement.payouts.states import PayeeKind
from settlement.signing.adjust import propose_adjustment
from settlement.signing.commands import ProposeAdjustment
from settlement.signing.standing import approve_statement
from storefront.tokens import Audience, Principal
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.ids import SessionId, StaffId, TenantId, new_id, random_code
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.paging import write_cursor
from tenants.kernel.scope import TenantScope
from tenants.models import Store
from tenants.states import StaffRole
from tests.support.bills import FIRST, a_day, account_of_tenant, file_of, rows_of, take_in
from tests.support.books import add_mall, give_back, mall_contract
from tests.support.books import add_store as add_booked_store
from tests.support.books import sell as book_sale
from tests.support.http import Client, answered
from tests.support.rows import rows, value
from tests.support.shop import add_category, add_group, add_product, add_store, sell
from tests.support.trading import Trading

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
MONTH = EARLIER.strftime("%Y-%m")
PASSWORD = "long enough for all"


@dataclass
class World:
    """A brand: its ids by kind (`$order` in the table is `ids["order"]`), its people, and texts that nobody else may see."""

    trading: Trading
    ids: dict[str, Any] = field(default_factory=dict)
    people: dict[str, Principal] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)

    @property
    def tenant(self) -> TenantScope:
        """The brand's scope."""
        return self.trading.tenant

    def client(self, client: Client, role: str) -> Client:
        """One of its people, a guest, or an operator."""
        if role == "guest":
            return client.as_visitor(self.tenant)
        if role == "nobody":
            return client
        return client.as_operator() if role == "operator" else client.as_principal(self.people[role])

    def shape_of_nothing(self, kind: str) -> str:
        """A value of this kind that names nothing, anywhere."""
        real = str(self.ids[kind])
        if kind.startswith("cursor"):
            return _elsewhere(real)
        try:
            UUID(real)
        except ValueError:
            return "".join(_other(each) for each in real)
        return str(new_id())


def _other(letter: str) -> str:
    return random_code(1) if letter.isupper() else str(new_id().int % 10) if letter.isdigit() else letter


def _elsewhere(cursor: str) -> str:
    """A cursor at the same place of the order whose row nobody has."""
    key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return write_cursor(*(str(new_id()) if _is_id(each) else each for each in key))


def _is_id(each: Any) -> bool:
    try:
        return bool(UUID(str(each)))
    except ValueError:
        return False


def principal(tenant_id: TenantId, audience: Audience, subject: UUID, **place: Any) -> Principal:
    """Somebody of a brand."""
    return Principal(
        audience=audience, subject=subject, session_id=SessionId(new_id()), tenant_id=tenant_id, **place
    )


async def build_world(trading: Trading, *, client: Client, mark: str) -> World:
    """Fill a brand with one of everything; every text of it holds `mark`."""
    world = World(trading, texts={mark})
    await _places(world, mark)
    await _people(world, mark)
    await _goods(world, client, mark)
    await _orders(world, client, mark)
    await _books(world, client, mark)
    await _differing_payments(world)
    await _differences(world, client, mark)
    await _rest(world, client, mark)
    return world


async def _places(world: World, mark: str) -> None:
    async with world.tenant.writing() as db:
        group = await add_group(db, f"{mark}区")
        store = await add_store(db, f"{mark}店", group=group)
        ours, elsewhere = world.trading.store.id, world.trading.elsewhere.id
        mall = await add_mall(db, f"共用商场{random_code(6)}")
        code = (await db.get_one(Store, (db.tenant_id, ours))).code
    world.ids |= {"tenant": world.tenant.tenant_id, "group": group, "spare_store": store.id, "store": ours}
    world.ids |= {"elsewhere": elsewhere, "mall": mall, "store_code": code}
    world.ids["merchant"] = await value(world.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
    world.ids["merchant_no"] = world.trading.mchid
    found = await rows(world.tenant, "SELECT callback_key, code FROM app.tenants WHERE tenant_id = :t")
    world.ids["callback_key"], world.ids["tenant_code"] = found[0]
    world.ids["appid"] = world.trading.appid
    world.ids["mall_code"] = f"M-{random_code(8)}"


async def _people(world: World, mark: str) -> None:
    now, tenant_id, ids = datetime.now(UTC), world.tenant.tenant_id, world.ids
    store, login = ids["store"], f"canary-{random_code(10).lower()}"
    async with world.tenant.writing() as db:

        async def employ(role: StaffRole, **place: Any) -> StaffId:
            command = EmployStaff(
                login=f"{login}-{role}-{random_code(4)}",
                name=f"{mark}店员",
                password=PASSWORD,
                role=role,
                **place,
            )
            world.texts.add(command.login)
            return (await employ_staff(db, command, password_hash="none", now=now)).id

        staff = {
            "hq": (StaffRole.BRAND_HQ, {}), "finance": (StaffRole.FINANCE, {}),
            "manager": (StaffRole.STORE_MANAGER, {"store_id": store}), "guide": (StaffRole.GUIDE, {"store_id": store}),
            "mall": (StaffRole.MALL_FINANCE, {"mall_id": ids["mall"]}),
            "other_manager": (StaffRole.STORE_MANAGER, {"store_id": ids["elsewhere"]}),
        }  # fmt: skip
        for name, (role, place) in staff.items():
            subject = await employ(role, **place)
            world.people[name] = principal(tenant_id, Audience.STAFF, subject, role=role, **place)
        ids["staff"] = await employ(StaffRole.FINANCE)
        for name, where in (
            ("guide", store), ("other_guide", ids["elsewhere"]), ("leaving_guide", store), ("left_guide", store),
            ("taking_guide", store),
        ):  # fmt: skip
            command = EmployGuide(
                code=random_code(8), name=f"{mark}导购", store_id=where, phone="13800138000"
            )
            ids[name] = (await employ_guide(db, command, now=now - timedelta(days=9))).id
        ids["scene"] = (
            await share_link(db, ShareLink(store_id=store, guide_id=ids["guide"]), created_by="x", now=now)
        ).scene_code
    at_work = world.people["guide"]
    world.people["guide"] = principal(
        tenant_id,
        Audience.STAFF,
        at_work.subject,
        role=StaffRole.GUIDE,
        store_id=store,
        guide_id=ids["guide"],
    )
    ids["shopper"], ids["login"] = world.trading.shopper_id, login
    ids["other_shopper"] = await world.trading.shopper()
    for name in ("shopper", "other_shopper"):
        world.people[name] = principal(tenant_id, Audience.SHOPPER, ids[name])


async def _goods(world: World, client: Client, mark: str) -> None:
    ids = world.ids
    async with world.tenant.writing() as db:
        ids["category"] = f"canary-{random_code(6).lower()}"
        category = await add_category(db, ids["category"])
        ids["barcode"] = f"69{new_id().int % 10**11:011d}"
        product = await add_product(db, f"{mark}风衣", category_id=category, barcode=ids["barcode"])
        await sell(db, product)
    ids |= {"sku": world.trading.shirt.sku, "spu": product.id}
    ids["spu_code"] = await value(
        world.tenant, "SELECT code FROM app.spus WHERE tenant_id = :t AND id = :i", i=product.id
    )
    hq = world.client(client, "hq")
    content = {"components": [{"id": "top", "type": "TitleBar", "props": {"title": mark}}]}
    for where in ("store", "spare_store"):
        path = f"/brand/v1/pages/home/store/draft?levelId={ids[where]}"
        answered(await hq.put(path, json={"content": content}))
    cursor = answered(await world.client(client, "guest").get("/shopper/v1/listings?limit=1"))
    ids["cursor_listings"] = cursor["nextCursor"]
    ids["cursor_products"] = answered(await hq.get("/brand/v1/products?limit=1"))["nextCursor"]
    ids["cursor_stores"] = answered(await hq.get("/brand/v1/stores?limit=1"))["nextCursor"]


async def _orders(world: World, client: Client, mark: str) -> None:
    trading, ids = world.trading, world.ids
    for name in ("order", "refunded_order", "second"):
        ids[name] = (await trading.paid(remark=f"{mark}备注")).id
    for name in ("open_order", "cancelled_order"):
        order = await trading.place(remark=f"{mark}备注")
        ids[name] = order.id
    ids["others_order"] = (await trading.place(shopper_id=ids["other_shopper"])).id
    ids["elsewhere_order"] = (await trading.paid(store_id=ids["elsewhere"])).id
    found = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
    ids["pickup"] = await value(world.tenant, found, o=ids["order"])
    ids["elsewhere_pickup"] = await value(world.tenant, found, o=ids["elsewhere_order"])
    numbers = "SELECT order_no FROM app.orders WHERE tenant_id = :t"
    world.texts |= {row.order_no for row in await rows(world.tenant, numbers)}
    numbers = "SELECT payment_no FROM app.payments WHERE tenant_id = :t"
    world.texts |= {row.payment_no for row in await rows(world.tenant, numbers)}
    buyer, manager = world.client(client, "shopper"), world.client(client, "manager")
    ids["cursor_own"] = answered(await buyer.get("/shopper/v1/orders?limit=1"))["nextCursor"]
    ids["cursor_orders"] = answered(await manager.get("/staff/v1/orders?limit=1"))["nextCursor"]
    ids["cursor_pickups"] = answered(await manager.get("/staff/v1/pickups/waiting?limit=1"))["nextCursor"]
    ids["key"] = f"canary-key-{random_code(8)}"
    cart = {"storeId": ids["store"], "lines": [{"skuId": ids["sku"], "quantity": 1}], "totalFen": 19_900}
    answered(await buyer.post("/shopper/v1/orders", json=cart, headers={"idempotency-key": ids["key"]}))


async def _books(world: World, client: Client, mark: str) -> None:
    ids = world.ids
    async with world.tenant.writing() as db:
        other_mall = await add_mall(db, f"别处商场{random_code(6)}")
        for name, mall, code in (("", ids["mall"], "river"), ("other_", other_mall, "hill")):
            store = await add_booked_store(db, f"{mark}-{name}S", mall_id=mall)
            contract = await mall_contract(db, mall, [store], code=f"{code}-{random_code(5)}")
            ids[f"{name}contract"], ids[f"{name}contract_code"] = contract.id, contract.code
            sale = await book_sale(db, store, 899, 100, at=EARLIER)
            await give_back(db, sale, {0: 99}, at=EARLIER)
            ids[f"{name}money_order"] = sale.id
    month = EARLIER.date().replace(day=1)
    await close_month(world.tenant, month, closed_by="staff:test", now=datetime.now(UTC))
    statement = (
        "SELECT s.id FROM app.statements s JOIN app.parties p ON p.tenant_id = s.tenant_id AND p.id = s.party_id"
        " WHERE s.tenant_id = :t AND p.tenant_id = :t AND p.mall_id = :m"
    )
    ids["statement"] = await value(world.tenant, statement, m=ids["mall"])
    party = "SELECT id FROM app.parties WHERE tenant_id = :t AND mall_id = :m"
    ids["party"] = await value(world.tenant, party, m=other_mall)
    started = {"code": f"{random_code(6)}", "name": f"{mark}活动", "activeFrom": "2026-01-01T00:00:00Z"}
    asked = await world.client(client, "finance").post("/brand/v1/promotions", json=started)
    ids["promotion"] = answered(asked)["id"]
    ids["receiver"] = await _receiver(world, client, await value(world.tenant, party, m=ids["mall"]))
    ids["other_statement"] = await value(world.tenant, statement, m=other_mall)
    await _signed(world)


async def _signed(world: World) -> None:
    """A correction that waits, a dispute of the mall's statement, one of the other mall's that was resolved, and a batch of its money."""
    ids, now = world.ids, datetime.now(UTC)
    by_kind = "SELECT {} FROM app.parties p JOIN app.statements s ON s.tenant_id = p.tenant_id AND s.party_id = p.id WHERE p.tenant_id = :t AND s.tenant_id = :t AND p.kind = 'brand'"
    ids["brand_party"] = await value(world.tenant, by_kind.format("p.id"))
    ids["brand_statement"] = await value(world.tenant, by_kind.format("s.id"))
    account = SetPayee(kind=PayeeKind.BANK, account_name="某公司", account_no="62220000", bank_name="某银行")
    asked = ProposeAdjustment(
        party_id=ids["party"],
        contract_id=ids["other_contract"],
        amount_fen=5,
        reason="漏记",
        order_id=ids["money_order"],
    )
    async with world.tenant.writing() as db:
        ids["adjustment"] = (await propose_adjustment(db, asked, proposed_by="staff:test", now=now)).id
        complaint = OpenDispute(reason="金额不符")
        opened = await open_dispute(
            db, complaint, statement_id=ids["statement"], opened_by="staff:test", now=now
        )
        ids["dispute"] = opened.id
        other = ids["other_statement"]
        elsewhere = await open_dispute(db, complaint, statement_id=other, opened_by="staff:test", now=now)
        ids["other_dispute"] = elsewhere.id
        settled = ResolveDispute(resolution="已核对")
        await resolve_dispute(db, settled, dispute_id=elsewhere.id, resolved_by="staff:test", now=now)
        await approve_statement(db, other, approved_by="staff:other", now=now)
        await set_payee(
            db, account, party_id=ids["party"], keys=world.trading.channels._keys, actor="staff:test", now=now
        )
        prepared = await prepare_payout(db, PreparePayout(), prepared_by="staff:test", now=now)
    assert prepared.payout is not None
    ids["payout"] = prepared.payout.id


async def _differing_payments(world: World) -> None:
    """Two payments of which the channel took a fen less than was asked, of orders of their own."""
    for name in ("differing_payment", "other_differing_payment"):
        order = await world.trading.place()
        payment = await world.trading.prepare(order.id)
        told = ChannelPayment(
            payment_no=payment.payment_no or "", state=PaymentState.PAID, merchant_no=world.trading.mchid,
            appid=world.trading.appid, transaction_id=f"42{random_code(10)}", total_fen=Fen(payment.amount_fen - 1),
            payer_total_fen=Fen(payment.amount_fen - 1), currency="CNY",
        )  # fmt: skip
        async with world.tenant.writing() as db:
            await record_payment(db, told, now=datetime.now(UTC))
        found = "SELECT id FROM app.payments WHERE tenant_id = :t AND payment_no = :n"
        world.ids[name] = await value(world.tenant, found, n=payment.payment_no)
        world.texts.add(payment.payment_no or "")


async def _differences(world: World, client: Client, mark: str) -> None:
    """Two days whose bills list a payment each that nobody here knows."""
    async with world.tenant.writing() as db:
        account = await account_of_tenant(db)
    for day in (FIRST, FIRST + timedelta(days=1)):
        unknown = a_day(day, 1, fens=[100], mark=f"canary{random_code(6)}")
        world.texts.add(unknown[0].number)
        listed, now = file_of(rows_of(unknown, account.name)), datetime.now(UTC)
        await take_in(world.tenant, listed, day=day, account=account, now=now)
    finance, base = world.client(client, "finance"), "/brand/v1/settlement/reconciliation"
    found = answered(await finance.get(f"{base}/differences?limit=1"))
    world.ids["difference"], world.ids["cursor_differences"] = (
        found["differences"][0]["id"],
        found["nextCursor"],
    )
    world.ids["cursor_days"] = answered(await finance.get(f"{base}/days?limit=1"))["nextCursor"]
    rest = answered(await finance.get(f"{base}/differences?cursor={found['nextCursor']}"))
    world.ids["other_difference"] = rest["differences"][0]["id"]


async def _receiver(world: World, client: Client, party_id: UUID) -> str:
    """A receiver that WeChat refuses: an account that nobody has."""
    asked = {"partyId": party_id, "account": f"19{new_id().int % 10**8:08d}", "legalName": "无名公司"}
    made = await world.client(client, "finance").post("/brand/v1/settlement/receivers", json=asked)
    return str(answered(made)["id"])


async def _relations(world: World, client: Client) -> None:
    """A guide who left, with relations that are the store's now; a corp and a push, so that their addresses are there."""
    ids, hq, now = world.ids, world.client(client, "hq"), datetime.now(UTC)
    async with world.tenant.writing() as db:
        for name in ("shopper", "other_shopper"):
            await found_relation(
                db,
                ids[name],
                guide_id=ids["left_guide"],
                source=RelationSource.SCAN,
                now=now - timedelta(days=1),
            )
    answered(await hq.post(f"/brand/v1/guides/{ids['left_guide']}/departure", json={}))
    moves = answered(await hq.get(f"/brand/v1/guides/{ids['left_guide']}/moves?limit=1"))
    ids["cursor_moves"] = moves["nextCursor"]
    corp = {
        "corpId": "ww1", "contactSecret": "contact-secret", "callbackToken": "token", "encodingAesKey": "k" * 43,
    }  # fmt: skip
    connected = {"wecom": corp, "push": {"token": "token"}}
    path = f"/operator/v1/tenants/{ids['tenant']}/connections"
    answered(await client.as_operator().post(path, json=connected))


async def _rest(world: World, client: Client, mark: str) -> None:
    ids, now = world.ids, datetime.now(UTC)
    async with world.tenant.writing() as db:
        for _ in range(2):
            event = OrderPaid(order_id=new_id(), payment_id=None, paid_at=now)
            await append(db, event, now=now)
        await db.execute(
            text(
                "UPDATE app.outbox SET parked_at = :now, attempts = 9 WHERE tenant_id = :t AND done_at IS NULL"
            ),
            {"t": db.tenant_id, "now": now},
        )
    await _relations(world, client)
    jobs = answered(await client.as_operator().get(f"/operator/v1/tenants/{ids['tenant']}/jobs?limit=1"))
    ids["job"], ids["cursor_jobs"] = jobs["jobs"][0]["id"], jobs["nextCursor"]
    tenants = answered(await client.as_operator().get("/operator/v1/tenants?limit=1"))
    ids["cursor_tenants"] = tenants["nextCursor"]
