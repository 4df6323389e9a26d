SELECT
  record_offset AS "offset",
  appended_at_ms AS appendedAtMs,
  size_bytes AS sizeBytes,
  key,
  headers,
  value
FROM records
WHERE partition_id = $partitionId AND record_offset >= $offset
ORDER BY record_offset
LIMIT $maxRecords;
