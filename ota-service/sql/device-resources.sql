-- Utilization of one device over time, one value a step: the mean of CPU and memory, the fullest disk.
SELECT
    transform(MetricName,
        ['system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization'],
        ['cpu', 'memory', 'disk'], '') AS Signal,
    intDiv(toUnixTimestamp64Milli(TimeUnix), {stepMs:UInt32}) * {stepMs:UInt32} AS AtMs,
    if(Signal = 'disk', max(Value), avg(Value)) AS Reading
FROM otel_metrics_gauge
WHERE MetricName IN (
        'system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization')
    AND DeviceId = {deviceId:String}
    AND TimeUnix >= fromUnixTimestamp64Milli({fromMs:Int64})
GROUP BY Signal, AtMs
ORDER BY Signal, AtMs
