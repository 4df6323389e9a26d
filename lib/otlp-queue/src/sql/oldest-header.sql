SELECT id, created_at_ms AS createdAtMs, length(body) AS sizeBytes
FROM items
ORDER BY id
LIMIT 1
