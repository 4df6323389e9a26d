INSERT INTO items (id, batch_id, path, created_at_ms, entries, body)
SELECT id, batch_id, path, created_at_ms, 0, body FROM items_1;
INSERT INTO drops (reason, path, items, entries) SELECT reason, '/v1/metrics', items, 0 FROM drops_1;
DROP TABLE items_1;
DROP TABLE drops_1;
