INSERT INTO drops (reason, path, items, entries) VALUES (:reason, :path, :items, :entries)
ON CONFLICT (reason, path) DO UPDATE
SET items = items + excluded.items, entries = entries + excluded.entries
