"""The ground rules: ids, money, errors, tables, scope, outbox, idempotency, encryption, paging. A closed list."""
