SELECT DeviceId AS Device, count() AS Records
FROM otel_logs
WHERE SeverityNumber >= ${severity} AND DeviceId != '' AND $__timeFilter(Timestamp)
GROUP BY DeviceId
ORDER BY Records DESC, DeviceId
LIMIT 20
