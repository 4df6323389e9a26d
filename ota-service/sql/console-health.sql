-- Devices of the newest health computation by status.
SELECT Status, count() AS Devices
FROM flotilla_device_health
WHERE ComputedAt = (
    SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
GROUP BY Status
