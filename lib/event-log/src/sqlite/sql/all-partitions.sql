SELECT id FROM partitions ORDER BY id;
