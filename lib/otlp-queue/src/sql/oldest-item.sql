SELECT id, batch_id AS batchId, path, created_at_ms AS createdAtMs, body
FROM items
ORDER BY id
LIMIT 1
