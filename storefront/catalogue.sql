-- What a drifted catalogue looks like: one row per fault, read by storefront/gate.py at start and by the tests.
-- Rows that are meant to be there stand in storefront/catalogue_allow_list.py. On Citus, run it on the coordinator.
WITH
application (role) AS (
    VALUES ('app_rw'), ('app_worker')
),
relation AS (
    SELECT c.*,
           c.oid::regclass::text AS name,
           EXISTS (SELECT FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS has_tenant
    FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('app')
),
stored AS (
    SELECT * FROM relation WHERE relkind IN ('r', 'p')
),
routine AS (
    SELECT p.*, p.oid::regprocedure::text AS name
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
)

-- Tenant rows behind a forced policy, and tenant_id never null
SELECT 'table_without_forced_rls' AS fault, name AS what
FROM stored t
WHERE has_tenant
  AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid))
UNION ALL
SELECT 'nullable_tenant_id', t.name
FROM stored t
JOIN pg_attribute a ON a.attrelid = t.oid
WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND NOT a.attnotnull
UNION ALL
-- A table of nobody's that the application may read has to be known by name
SELECT 'table_without_tenant_id', name
FROM stored t
WHERE NOT has_tenant
  AND EXISTS (SELECT FROM application WHERE has_table_privilege(role, t.oid, 'SELECT'))
UNION ALL
-- A policy reads exactly as written in storefront/migrations/tenant_tables.py, the way PostgreSQL prints it
-- The worker's door, which finds work of all tenants, is known by what it is and not by its name
SELECT CASE WHEN p.polname = 'worker_find' AND p.polpermissive AND p.polcmd = 'r' AND p.polwithcheck IS NULL
                 AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'app_worker')]
                 AND pg_get_expr(p.polqual, p.polrelid) = 'true'
            THEN 'worker_door' ELSE 'odd_policy' END,
       t.name || '.' || p.polname
FROM pg_policy p
JOIN relation t ON t.oid = p.polrelid
CROSS JOIN (VALUES (
    '(tenant_id = (NULLIF(current_setting(''app.tenant_id''::text, true), ''''::text))::uuid)'
)) AS inline (form)
WHERE pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM inline.form
   OR (p.polcmd IN ('*', 'a', 'w') AND pg_get_expr(p.polwithcheck, p.polrelid) IS DISTINCT FROM inline.form)
UNION ALL
-- Keys begin with the tenant: a unique key over all tenants answers questions about the neighbour
SELECT 'unique_not_tenant_led', i.indexrelid::regclass::text
FROM pg_index i
JOIN relation t ON t.oid = i.indrelid
LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
WHERE i.indisunique AND t.has_tenant AND a.attname IS DISTINCT FROM 'tenant_id'
UNION ALL
-- Foreign keys pair tenant_id with tenant_id: one column alone can point at another tenant's row
SELECT 'fk_not_tenant_composite', k.conrelid::regclass::text || '.' || k.conname
FROM pg_constraint k
JOIN relation t ON t.oid = k.conrelid
WHERE k.contype = 'f'
  AND EXISTS (SELECT FROM pg_attribute a
              WHERE a.attrelid = k.confrelid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
  AND NOT EXISTS (
      SELECT FROM generate_subscripts(k.conkey, 1) AS place
      JOIN pg_attribute near ON near.attrelid = k.conrelid AND near.attnum = k.conkey[place]
      JOIN pg_attribute far ON far.attrelid = k.confrelid AND far.attnum = k.confkey[place]
      WHERE near.attname = 'tenant_id' AND far.attname = 'tenant_id')
UNION ALL
-- Views run as whoever asks; materialised views know no policy at all
SELECT CASE v.relkind WHEN 'm' THEN 'readable_matview' ELSE 'view_not_security_invoker' END, v.name
FROM relation v
WHERE EXISTS (SELECT FROM application WHERE has_table_privilege(role, v.oid, 'SELECT'))
  AND (v.relkind = 'm'
       OR v.relkind = 'v'
          AND NOT coalesce(v.reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'])
UNION ALL
-- A rule rewrites what the application says
SELECT 'rule', t.name || '.' || w.rulename
FROM pg_rewrite w
JOIN stored t ON t.oid = w.ev_class
UNION ALL
-- After a crash an unlogged table is empty
SELECT 'unlogged_table', name
FROM stored
WHERE relpersistence <> 'p'
UNION ALL
-- Functions that run as somebody whom policies do not stop
SELECT 'definer_function', f.name
FROM routine f
JOIN pg_roles r ON r.oid = f.proowner
WHERE f.prosecdef AND (r.rolsuper OR r.rolbypassrls)
  AND EXISTS (SELECT FROM application WHERE has_function_privilege(role, f.oid, 'EXECUTE'))
UNION ALL
-- Functions that read the tenant: IMMUTABLE ones leak through cached plans, others need to be known by name
SELECT CASE f.provolatile WHEN 'i' THEN 'immutable_tenant_function' ELSE 'tenant_function' END, f.name
FROM routine f
WHERE CASE WHEN f.prokind IN ('f', 'p') THEN pg_get_functiondef(f.oid) ~ 'app\.tenant_id' ELSE false END
UNION ALL
-- What the application's roles are
SELECT 'role_power', rolname
FROM pg_roles
WHERE rolname IN ('app_rw', 'app_worker', 'app_owner')
  AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication)
UNION ALL
SELECT 'role_member_of', member.rolname || ' of ' || granted.rolname
FROM pg_auth_members m
JOIN pg_roles member ON member.oid = m.member
JOIN pg_roles granted ON granted.oid = m.roleid
WHERE member.rolname IN (SELECT role FROM application)
UNION ALL
SELECT 'owned_by_app_role', c.oid::regclass::text
FROM pg_class c
JOIN pg_roles r ON r.oid = c.relowner
WHERE r.rolname IN (SELECT role FROM application)
UNION ALL
SELECT 'role_setting_missing', r.rolname || ' ' || wanted.setting
FROM pg_roles r
CROSS JOIN (VALUES
    ('citus.propagate_set_commands=local'), ('citus.override_table_visibility=off'),
    ('lock_timeout='), ('statement_timeout='), ('idle_in_transaction_session_timeout=')
) AS wanted (setting)
WHERE r.rolname IN (SELECT role FROM application)
  AND NOT EXISTS (
      SELECT FROM pg_db_role_setting s
      CROSS JOIN unnest(s.setconfig) AS given
      WHERE s.setrole = r.oid AND starts_with(given, wanted.setting))
UNION ALL
-- Settings under which a commit may be lost, a policy not asked, or a lock's rereading not seen, for our roles or for everybody
SELECT 'role_setting_unsafe', coalesce(r.rolname, 'everybody') || ' ' || given
FROM pg_db_role_setting s
LEFT JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase
CROSS JOIN unnest(s.setconfig) AS given
CROSS JOIN LATERAL (VALUES (split_part(given, '=', 1), lower(split_part(given, '=', 2)))) AS setting (name, value)
WHERE (s.setrole = 0 OR r.rolname IN (SELECT role FROM application))
  AND (s.setdatabase = 0 OR d.datname = current_database())
  AND (setting.name IN ('synchronous_commit', 'row_security') AND setting.value IN ('off', 'false', 'no', '0', 'f', 'n')
       OR setting.name = 'session_replication_role' AND setting.value <> 'origin'
       OR setting.name = 'default_transaction_isolation' AND setting.value <> 'read committed')
UNION ALL
-- Whoever may create in a schema can put something of his own before ours
SELECT 'may_create', role || ' in ' || n.nspname
FROM application
CROSS JOIN pg_namespace n
WHERE n.nspname IN ('app', 'public') AND has_schema_privilege(role, n.oid, 'CREATE')
UNION ALL
-- Grants that go round policies
SELECT 'grant_truncate_or_references', t.name
FROM stored t
WHERE EXISTS (SELECT FROM application WHERE has_table_privilege(role, t.oid, 'TRUNCATE, REFERENCES, TRIGGER'))
UNION ALL
SELECT 'partition_granted', t.name
FROM relation t
WHERE t.relispartition
  AND EXISTS (SELECT FROM application WHERE has_any_column_privilege(role, t.oid, 'SELECT'))
UNION ALL
SELECT 'not_owned_by_app_owner', name
FROM relation
WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = 'app_owner')
UNION ALL
-- Indexed types whose comparison is not leakproof: under a policy the index is never used
SELECT 'non_leakproof_indexed_type', i.indexrelid::regclass::text || '.' || a.attname || ' ' || format_type(a.atttypid, NULL)
FROM pg_index i
JOIN relation t ON t.oid = i.indrelid
CROSS JOIN unnest(i.indkey::int2[]) AS part (number)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = part.number
JOIN pg_type y ON y.oid = a.atttypid
WHERE t.relrowsecurity
  AND (y.typtype IN ('e', 'r', 'm') OR y.typcategory = 'A'
       OR a.atttypid IN ('numeric'::regtype, 'jsonb'::regtype, 'tsvector'::regtype))
UNION ALL
-- What Citus refuses or ignores
SELECT 'trigger', g.tgrelid::regclass::text || '.' || g.tgname
FROM pg_trigger g
JOIN relation t ON t.oid = g.tgrelid
WHERE NOT g.tgisinternal
UNION ALL
SELECT 'deferrable_or_set_null', k.conrelid::regclass::text || '.' || k.conname
FROM pg_constraint k
WHERE k.connamespace = to_regnamespace('app')
  AND (k.condeferrable OR k.contype = 'f' AND (k.confdeltype IN ('n', 'd') OR k.confupdtype IN ('c', 'n', 'd')))
UNION ALL
-- The ledger only grows
SELECT 'ledger_not_append_only', role || ' on ' || t.name
FROM stored t
CROSS JOIN application
WHERE t.relname = 'ledger_entries'
  AND (has_any_column_privilege(role, t.oid, 'UPDATE') OR has_table_privilege(role, t.oid, 'DELETE'))
ORDER BY 1, 2
