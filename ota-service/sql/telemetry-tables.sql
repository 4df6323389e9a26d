-- Tables (not views) that say whose a row is.
SELECT DISTINCT c.table AS name
FROM system.columns AS c
INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND c.name = 'DeviceId' AND t.engine LIKE '%MergeTree'
ORDER BY name
