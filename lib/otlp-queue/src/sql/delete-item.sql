DELETE FROM items WHERE id = :id RETURNING length(body) AS sizeBytes, path, entries
