-- What the warehouse holds of each stream: rows, different numbers among them, and numbers that the
-- stream never sent. A stream sends 0, 1, 2, … below its bound.
-- Parameters: metric, devices, bounds (of the same length as devices).
WITH transform(DeviceId, {devices:Array(String)}, {bounds:Array(UInt64)}, toUInt64(0)) AS Bound
SELECT
    'metrics' AS Signal,
    DeviceId,
    count() AS Stored,
    uniqExact(Value) AS Distinct,
    uniqExactIf(Value, Value >= Bound) AS Beyond
FROM otel_metrics_gauge
WHERE MetricName = {metric:String} AND has({devices:Array(String)}, DeviceId)
GROUP BY DeviceId
UNION ALL
SELECT
    'logs' AS Signal,
    DeviceId,
    count() AS Stored,
    uniqExact(Body) AS Distinct,
    uniqExactIf(Body, toUInt64OrZero(Body) >= Bound) AS Beyond
FROM otel_logs
WHERE has({devices:Array(String)}, DeviceId)
GROUP BY DeviceId
