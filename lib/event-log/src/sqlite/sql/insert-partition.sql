INSERT INTO partitions (topic, number) VALUES ($topic, $number)
ON CONFLICT (topic, number) DO NOTHING;
