-- Newest computed health of the given devices; a device without a row has none yet.
SELECT DeviceId, ComputedAt, Score, Confidence, Status, Contributions
FROM flotilla_device_health_latest
WHERE DeviceId IN {deviceIds:Array(String)}
