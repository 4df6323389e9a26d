INSERT INTO positions (group_name, partition_id, next_offset, metadata)
VALUES ($group, $partitionId, $offset, $metadata)
ON CONFLICT (group_name, partition_id) DO UPDATE SET
  next_offset = excluded.next_offset,
  metadata = excluded.metadata;
