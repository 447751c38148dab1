-- What the catalogue holds of the tables in schema app, in the words of storefront/migrations/declared.py.
WITH
stored AS (
    SELECT oid, relname, relacl
    FROM pg_class
    WHERE relnamespace = to_regnamespace('app') AND relkind IN ('r', 'p') AND NOT relispartition
),
granted AS (
    SELECT t.oid, given.grantee, given.privilege_type AS privilege, given.is_grantable
    FROM pg_class t
    CROSS JOIN LATERAL aclexplode(t.relacl) AS given
    WHERE t.relnamespace = to_regnamespace('app')
    UNION ALL
    SELECT t.oid, given.grantee, given.privilege_type || ' (' || a.attname || ')', given.is_grantable
    FROM pg_class t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
    CROSS JOIN LATERAL aclexplode(a.attacl) AS given
    WHERE t.relnamespace = to_regnamespace('app')
)

SELECT 'table' AS part, relname::text AS whose, relname::text AS what
FROM stored
UNION ALL
SELECT 'constraint', t.relname::text,
       CASE k.contype
           WHEN 'c' THEN 'CHECK '
           WHEN 'p' THEN 'PRIMARY KEY '
           WHEN 'u' THEN 'UNIQUE '
           WHEN 'f' THEN 'FOREIGN KEY '
           ELSE 'OTHER '
       END || k.conname
       || CASE WHEN k.contype = 'c' THEN '' ELSE ' (' || near.names || ')' END
       || CASE WHEN k.contype = 'f' THEN ' TO ' || target.relname || ' (' || far.names || ')' ELSE '' END
       || CASE WHEN k.confdeltype = 'c' THEN ' ON DELETE CASCADE' ELSE '' END
       || CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END
FROM pg_constraint k
JOIN stored t ON t.oid = k.conrelid
LEFT JOIN pg_class target ON target.oid = k.confrelid
CROSS JOIN LATERAL (
    SELECT string_agg(a.attname, ', ' ORDER BY part.place) AS names
    FROM unnest(k.conkey) WITH ORDINALITY AS part (number, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = part.number
) AS near
CROSS JOIN LATERAL (
    SELECT string_agg(a.attname, ', ' ORDER BY part.place) AS names
    FROM unnest(k.confkey) WITH ORDINALITY AS part (number, place)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = part.number
) AS far
WHERE k.contype IN ('c', 'p', 'u', 'f', 'x')
UNION ALL
SELECT 'index', t.relname::text,
       CASE WHEN i.indisunique THEN 'UNIQUE INDEX ' ELSE 'INDEX ' END || named.relname || ' (' || keys.names || ')'
       || CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE …' END
       || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' NOT VALID' END
FROM pg_index i
JOIN stored t ON t.oid = i.indrelid
JOIN pg_class named ON named.oid = i.indexrelid
CROSS JOIN LATERAL (
    SELECT string_agg(coalesce(a.attname, '…'), ', ' ORDER BY part.place) AS names
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = part.number
    WHERE part.place <= i.indnkeyatts
) AS keys
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
-- Grants to the application's roles and to everybody; whoever else may read is the administrator's choice, and behind policies
SELECT 'privilege', t.relname::text,
       coalesce(r.rolname, 'PUBLIC') || ' ' || g.privilege
       || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM granted g
JOIN pg_class t ON t.oid = g.oid
LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.grantee = 0 OR r.rolname IN ('app_rw', 'app_worker')
UNION ALL
SELECT 'door', t.relname::text, p.polname::text
FROM pg_policy p
JOIN stored t ON t.oid = p.polrelid
WHERE p.polname = 'worker_find'
