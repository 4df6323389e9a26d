UPDATE partitions
SET first_offset = $firstOffset, size_bytes = size_bytes - $freedBytes
WHERE id = $partitionId;
