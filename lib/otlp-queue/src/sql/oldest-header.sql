SELECT id, created_at_ms AS createdAtMs, length(body) AS sizeBytes
FROM items
WHERE id > :after
ORDER BY id
LIMIT 1
