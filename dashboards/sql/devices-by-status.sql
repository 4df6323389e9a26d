SELECT Status, count() AS Devices
FROM flotilla_device_health_latest
GROUP BY Status
ORDER BY Status
