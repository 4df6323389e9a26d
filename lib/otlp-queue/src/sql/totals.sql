SELECT count(*) AS items, coalesce(sum(length(body)), 0) AS sizeBytes FROM items
