-- Devices of the newest health computation that are not healthy, or all of them: the worst first.
SELECT DeviceId, Status
FROM flotilla_device_health
WHERE ComputedAt = (
    SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
    AND Status IN {statuses:Array(String)}
ORDER BY indexOf(['critical', 'degraded', 'unknown', 'healthy'], Status), Score, DeviceId
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
