SELECT
    Timestamp AS Time,
    DeviceId AS Device,
    SeverityText AS Severity,
    ServiceName AS Service,
    EventName AS Event,
    Body AS Message
FROM otel_logs
WHERE SeverityNumber >= ${severity} AND $__timeFilter(Timestamp)
ORDER BY Timestamp DESC
LIMIT 500
