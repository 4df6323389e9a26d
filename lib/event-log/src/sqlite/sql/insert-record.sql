INSERT INTO records (partition_id, record_offset, appended_at_ms, size_bytes, key, headers, value)
VALUES ($partitionId, $offset, $appendedAtMs, $sizeBytes, $key, $headers, $value);
