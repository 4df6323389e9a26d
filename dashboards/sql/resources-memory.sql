SELECT
    time,
    quantile(0.5)(value) AS Median,
    quantile(0.95)(value) AS `95th percentile`,
    max(value) AS Highest
FROM
(
    SELECT $__timeInterval(TimeUnix) AS time, DeviceId, avg(Value) AS value
    FROM otel_metrics_gauge
    WHERE MetricName = 'system.memory.utilization' AND $__timeFilter(TimeUnix)
    GROUP BY time, DeviceId
)
GROUP BY time
ORDER BY time
