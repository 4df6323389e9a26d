INSERT INTO drops (reason, items) VALUES (:reason, :items)
ON CONFLICT (reason) DO UPDATE SET items = items + excluded.items
