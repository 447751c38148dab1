"""The statement lint finds every planted fault, and lets honest statements pass."""

import pytest

from tests.support.statement_lint import StatementRefused, look_at

HONEST = [
    "SELECT app.stores.id FROM app.stores WHERE app.stores.tenant_id = $1::UUID AND app.stores.id = $2::UUID",
    "SELECT id FROM app.outbox WHERE tenant_id = $1 AND done_at IS NULL FOR UPDATE SKIP LOCKED",
    "INSERT INTO app.stores (tenant_id, id, code) VALUES ($1::UUID, $2::UUID, $3::VARCHAR)",
    "INSERT INTO app.stores AS s (tenant_id, id) VALUES ($1, $2) ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name",
    "SELECT o.id FROM app.orders AS o JOIN app.order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id"
    " WHERE o.tenant_id = $1::UUID",
    "UPDATE app.stock SET reserved = reserved + $1 WHERE app.stock.tenant_id = $2::UUID AND app.stock.sku_id = $3::UUID",
    "SELECT app.malls.id FROM app.malls WHERE app.malls.code = $1",
    "SELECT pg_advisory_xact_lock($1) FROM app.tenants WHERE tenant_id = $2",
    "SET LOCAL app.tenant_id = '00000000-0000-0000-0000-000000000001'",
]
FAULTY = {
    "no tenant at all": "SELECT app.stores.id FROM app.stores WHERE app.stores.id = $1::UUID",
    "tenant on one side of a join only": "SELECT o.id FROM app.orders AS o JOIN app.order_lines AS l ON l.order_id = o.id"
    " WHERE o.tenant_id = $1::UUID",
    "a sub-query that forgets": "SELECT s.id FROM app.stores AS s WHERE s.tenant_id = $1 AND EXISTS"
    " (SELECT 1 FROM app.staff AS f WHERE f.store_id = s.id)",
    "an update of everybody": "UPDATE app.stores SET name = $1 WHERE app.stores.code = $2",
    "a delete of everybody": "DELETE FROM app.stores WHERE app.stores.code = $1",
    "an insert without tenant": "INSERT INTO app.stores (id, code) VALUES ($1, $2)",
    "a setting by function": "SELECT set_config('app.tenant_id', $1, true)",
    "a setting that stays": "SET app.tenant_id = '00000000-0000-0000-0000-000000000001'",
    "time inside an upsert": "INSERT INTO app.stores (tenant_id, id) VALUES ($1, $2) ON CONFLICT (tenant_id, id)"
    " DO UPDATE SET created_at = now()",
    "a volatile update": "UPDATE app.stores SET code = gen_random_uuid() WHERE tenant_id = $1",
    "a lock per node": "SELECT pg_advisory_xact_lock($1)",
    "a signal per node": "NOTIFY orders",
    "two tenants tied to each other but to no value": "SELECT 1 FROM app.orders AS o JOIN app.stores AS s"
    " ON s.tenant_id = o.tenant_id",
}


@pytest.mark.parametrize("statement", HONEST)
def test_an_honest_statement_passes(statement: str) -> None:
    look_at(statement)


@pytest.mark.parametrize("fault", FAULTY)
def test_a_planted_fault_is_found(fault: str) -> None:
    with pytest.raises(StatementRefused):
        look_at(FAULTY[fault])


def test_a_statement_may_say_that_it_crosses_tenants() -> None:
    look_at("SELECT DISTINCT tenant_id FROM app.outbox WHERE done_at IS NULL", crosses_tenants=True)
