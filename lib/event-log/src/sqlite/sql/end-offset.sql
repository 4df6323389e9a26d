SELECT end_offset AS endOffset FROM partitions WHERE id = $partitionId;
