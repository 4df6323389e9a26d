SELECT partitions.id, partitions.number
FROM partitions
WHERE partitions.topic = $topic
ORDER BY partitions.number;
