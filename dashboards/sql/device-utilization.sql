SELECT
    $__timeInterval(TimeUnix) AS time,
    transform(MetricName,
        ['system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization'],
        ['CPU', 'Memory', 'Disk'], '') AS resource,
    if(resource = 'Disk', max(Value), avg(Value)) AS value
FROM otel_metrics_gauge
WHERE MetricName IN (
        'system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization')
    AND DeviceId = '${device}' AND $__timeFilter(TimeUnix)
GROUP BY time, resource
ORDER BY time, resource
