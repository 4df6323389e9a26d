SELECT ComputedAt AS time, Score AS Health
FROM flotilla_device_health
WHERE DeviceId = '${device}' AND $__timeFilter(ComputedAt)
ORDER BY time
