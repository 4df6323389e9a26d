SELECT next_offset AS "offset", metadata
FROM positions
WHERE group_name = $group AND partition_id = $partitionId;
