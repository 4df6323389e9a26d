INSERT INTO items (batch_id, path, created_at_ms, entries, body)
VALUES (:batchId, :path, :createdAtMs, :entries, :body)
