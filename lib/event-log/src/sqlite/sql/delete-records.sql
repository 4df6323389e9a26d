DELETE FROM records WHERE partition_id = $partitionId AND record_offset < $beforeOffset;
