-- The newest log records of one device within a day.
SELECT
    toUnixTimestamp64Milli(Timestamp) AS AtMs,
    SeverityNumber AS Severity,
    SeverityText,
    EventName AS Event,
    Body
FROM otel_logs
WHERE DeviceId = {deviceId:String}
    AND Timestamp >= fromUnixTimestamp64Milli({fromMs:Int64})
    AND SeverityNumber >= {minSeverity:UInt8}
ORDER BY Timestamp DESC
LIMIT {limit:UInt32}
