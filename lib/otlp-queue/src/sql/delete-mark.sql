DELETE FROM marks WHERE name = :name
