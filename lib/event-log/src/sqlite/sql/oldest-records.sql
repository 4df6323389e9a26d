SELECT
  record_offset AS "offset",
  appended_at_ms AS appendedAtMs,
  size_bytes AS sizeBytes
FROM records
WHERE partition_id = $partitionId AND record_offset < $beforeOffset
ORDER BY record_offset
LIMIT $limit;
