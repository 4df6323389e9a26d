INSERT INTO consumer_groups (name, token, host, pid, process_start, expires_at_ms)
VALUES ($group, $token, $host, $pid, $processStart, $expiresAtMs)
ON CONFLICT (name) DO UPDATE SET
  token = excluded.token,
  host = excluded.host,
  pid = excluded.pid,
  process_start = excluded.process_start,
  expires_at_ms = excluded.expires_at_ms;
