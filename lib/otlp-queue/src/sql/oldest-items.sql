SELECT id, batch_id AS batchId, path, created_at_ms AS createdAtMs, entries, body
FROM items
ORDER BY id
LIMIT :maxItems
