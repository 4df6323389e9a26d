SELECT round(Score, 1) AS Health
FROM flotilla_device_health_latest
WHERE DeviceId = '${device}'
