SELECT
    $__timeInterval(TimeUnix) AS time,
    DeviceId AS device,
    avg(Value) AS value
FROM otel_metrics_gauge
WHERE MetricName = 'system.cpu.utilization' AND $__timeFilter(TimeUnix)
GROUP BY time, device
ORDER BY time, device
