SELECT DeviceId AS Device, round(100 * argMax(Value, TimeUnix), 1) AS `Used %`
FROM otel_metrics_gauge
WHERE MetricName = 'system.memory.utilization' AND $__timeFilter(TimeUnix)
GROUP BY DeviceId
ORDER BY `Used %` DESC, DeviceId
LIMIT 20
