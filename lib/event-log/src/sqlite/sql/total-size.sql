SELECT
  coalesce(sum(size_bytes), 0) AS sizeBytes,
  coalesce(sum(end_offset - first_offset), 0) AS records
FROM partitions;
