-- Snapshots older than the one of from_s, seconds since the epoch.
SELECT DISTINCT toUnixTimestamp(Until) AS UntilSeconds
FROM flotilla_device_snapshots
WHERE Until < fromUnixTimestamp({from_s:UInt32})
