-- A group that never committed holds everything: its floor is the first stored offset.
SELECT
  count(*) AS groups,
  min(coalesce(positions.next_offset, partitions.first_offset)) AS floor
FROM subscriptions
JOIN partitions ON partitions.topic = subscriptions.topic
LEFT JOIN positions
  ON positions.group_name = subscriptions.group_name
  AND positions.partition_id = partitions.id
WHERE partitions.id = $partitionId;
