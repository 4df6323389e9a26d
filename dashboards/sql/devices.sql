SELECT DeviceId
FROM flotilla_device_health_latest
ORDER BY DeviceId
LIMIT 5000
