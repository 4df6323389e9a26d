UPDATE partitions
SET end_offset = $endOffset, size_bytes = size_bytes + $addedBytes
WHERE id = $partitionId;
