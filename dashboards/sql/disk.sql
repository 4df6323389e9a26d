SELECT
    $__timeInterval(TimeUnix) AS time,
    DeviceId AS device,
    max(Value) AS value
FROM otel_metrics_gauge
WHERE MetricName = 'system.filesystem.utilization' AND $__timeFilter(TimeUnix)
GROUP BY time, device
ORDER BY time, device
