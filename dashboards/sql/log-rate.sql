SELECT
    $__timeInterval(Timestamp) AS time,
    multiIf(SeverityNumber >= 17, 'Error', SeverityNumber >= 13, 'Warning', SeverityNumber >= 9, 'Info', 'Other') AS severity,
    count() AS records
FROM otel_logs
WHERE $__timeFilter(Timestamp)
GROUP BY time, severity
ORDER BY time, severity
