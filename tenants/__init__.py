"""The ground floor: brands (tenants), stores, malls, staff, shoppers, credentials, and the kernel every floor stands on.

Verbs: create a tenant, employ staff, log in, open stores, meet shoppers. Invariant: every row belongs to exactly one tenant,
and the database itself refuses any statement that forgets which.
"""
