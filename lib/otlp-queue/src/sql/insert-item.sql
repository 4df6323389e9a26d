INSERT INTO items (batch_id, path, created_at_ms, body)
VALUES (:batchId, :path, :createdAtMs, :body)
