-- When each device of a model first crashed in a window: on the version that a campaign rolls out, and on
-- any other. The crash record tells the version that ran, so a crash before the update is never blamed on
-- what came after it.
--
-- Parameters: model, version, from_ms and to_ms (milliseconds since the epoch, from inclusive).
-- Zero stands for no crash. At most 20,000 devices, those that crashed first: what they show is shown.
CREATE OR REPLACE VIEW flotilla_firmware_crashes AS
SELECT
    DeviceId,
    toUnixTimestamp64Milli(minIf(Timestamp, FirmwareVersion = {version:String})) AS UpdatedCrashAtMs,
    toUnixTimestamp64Milli(minIf(Timestamp, FirmwareVersion != {version:String})) AS OtherCrashAtMs
FROM otel_logs
WHERE EventName = 'flotilla.firmware.crash'
    AND ServiceName = 'flotilla-device'
    AND DeviceModel = {model:String}
    AND DeviceId != ''
    AND TimestampTime >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') - INTERVAL 1 SECOND
    AND Timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY DeviceId
ORDER BY min(Timestamp), DeviceId
LIMIT 20000
