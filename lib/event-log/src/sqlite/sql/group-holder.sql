SELECT token, host, pid, process_start AS processStart, expires_at_ms AS expiresAtMs
FROM consumer_groups
WHERE name = $group AND token IS NOT NULL;
