SELECT Timestamp AS Time, SeverityText AS Severity, Body AS Message
FROM otel_logs
WHERE DeviceId = '${device}' AND $__timeFilter(Timestamp)
ORDER BY Timestamp DESC
LIMIT 200
