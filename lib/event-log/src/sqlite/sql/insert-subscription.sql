INSERT INTO subscriptions (topic, group_name) VALUES ($topic, $group)
ON CONFLICT (topic, group_name) DO NOTHING;
