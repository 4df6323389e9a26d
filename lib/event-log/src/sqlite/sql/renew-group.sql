UPDATE consumer_groups SET expires_at_ms = $expiresAtMs
WHERE name = $group AND token = $token;
