INSERT INTO topics (topic, partitions) VALUES ($topic, $partitions)
ON CONFLICT (topic) DO NOTHING;
