-- What is known of each device from all that settled before a time: the newest snapshot, and on top of it
-- what settled since. The next snapshot is this, stored; a health computation reads it as of its now.
--
-- Points more than eight days old when they came are left out: no window reaches back so far.
-- Parameter: before_ms, milliseconds since the epoch.
CREATE OR REPLACE VIEW flotilla_device_states AS
WITH
    (SELECT max(Until) FROM flotilla_rollup_marks WHERE Rollup = 'device_snapshots') AS mark,
    fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC') AS before,
    -- Spares whole days: what is older cannot have settled after the mark and be fresh enough.
    if(toUnixTimestamp(mark) = 0, mark, mark - INTERVAL 8 DAY) AS since,
    (toDateTime64(0, 9), 0.) AS nothing,
    (toDateTime64(0, 9), '', '') AS nobody
SELECT
    DeviceId,
    max(s.LastAt) AS LastAt,
    max(s.Identity) AS Identity,
    minIf(s.FirstLogAt, s.FirstLogAt != toDateTime64(0, 9)) AS FirstLogAt,
    max(s.Memory) AS Memory,
    max(s.Disk) AS Disk,
    max(s.Temperature) AS Temperature,
    max(s.Battery) AS Battery,
    max(s.FlashLife) AS FlashLife,
    max(s.Rssi) AS Rssi,
    max(s.PacketLoss) AS PacketLoss,
    -- The readings of the newest 15 minutes; 180 of them at most, 15 minutes at the fastest interval in use.
    groupArrayArray(s.CpuReadings) AS AllReadings,
    arrayMax(AllReadings.1) - 900000000000 AS CpuSince,
    arrayFilter(r -> r.1 > CpuSince, AllReadings) AS FreshReadings,
    if(length(FreshReadings) > 180,
        arraySlice(arraySort(r -> (-r.1, r.2), FreshReadings), 1, 180), FreshReadings) AS CpuReadings,
    sumMap(s.Minutes, s.Errors, s.Crashes) AS Counts,
    -- A day before the minute of the last word.
    toUnixTimestamp(toStartOfMinute(LastAt)) - 86400 AS DayBefore,
    arrayFilter(minute -> minute > DayBefore, Counts.1) AS Minutes,
    arrayFilter((n, minute) -> minute > DayBefore, Counts.2, Counts.1) AS Errors,
    arrayFilter((n, minute) -> minute > DayBefore, Counts.3, Counts.1) AS Crashes,
    -- When it started, as its uptime tells, in units of two minutes: neighbours are one boot, told with a
    -- little jitter. The newest stays, however long ago: it says that the device tells its uptime.
    groupUniqArrayArray(s.Boots) AS AllBoots,
    arrayFilter(boot -> boot * 120 > DayBefore OR boot = arrayMax(AllBoots), AllBoots) AS Boots
FROM
(
    SELECT
        DeviceId, LastAt, Identity, FirstLogAt, Memory, Disk, Temperature, Battery, FlashLife, Rssi, PacketLoss,
        CpuReadings, Minutes, Errors, Crashes, Boots
    FROM flotilla_device_snapshots
    WHERE Until = mark
    LIMIT 1 BY DeviceId

    UNION ALL

    SELECT
        DeviceId, max(TimeUnix), max((TimeUnix, toString(DeviceModel), toString(FirmwareVersion))),
        toDateTime64(0, 9), nothing, nothing,
        maxIf((TimeUnix, Value), MetricName = 'hw.temperature'),
        maxIf((TimeUnix, Value), MetricName = 'flotilla.battery.health'),
        maxIf((TimeUnix, Value), MetricName = 'flotilla.flash.life_used'),
        maxIf((TimeUnix, Value), MetricName = 'flotilla.network.rssi'),
        maxIf((TimeUnix, Value), MetricName = 'flotilla.network.packet_loss'),
        groupArrayIf((toUnixTimestamp64Nano(TimeUnix), Value), MetricName = 'system.cpu.utilization'),
        [], [], [],
        groupUniqArrayIf(toUInt32(greatest(0, intDiv(toUnixTimestamp(TimeUnix) - toInt64(Value) + 60, 120))),
            MetricName = 'system.uptime')
    FROM otel_metrics_gauge
    WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
        AND SettledAt >= mark AND SettledAt < before
        AND TimeUnix >= since AND TimeUnix >= IngestedAt - INTERVAL 8 DAY
    GROUP BY DeviceId

    UNION ALL

    SELECT
        DeviceId, max(TimeUnix), nobody, toDateTime64(0, 9),
        maxIf((TimeUnix, Value), MetricName = 'system.memory.utilization' AND Attributes['system.memory.state'] IN ('', 'used')),
        maxIf((TimeUnix, Value), MetricName = 'system.filesystem.utilization' AND Attributes['system.filesystem.state'] IN ('', 'used')),
        nothing, nothing, nothing, nothing, nothing, [], [], [], [], []
    FROM otel_metrics_gauge
    WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
        AND MetricName IN ('system.memory.utilization', 'system.filesystem.utilization')
        AND SettledAt >= mark AND SettledAt < before
        AND TimeUnix >= since AND TimeUnix >= IngestedAt - INTERVAL 8 DAY
    GROUP BY DeviceId

    UNION ALL

    SELECT
        DeviceId, max(Timestamp), nobody, min(Timestamp), nothing, nothing, nothing, nothing, nothing, nothing,
        nothing, [],
        -- OTel severity numbers: ERROR starts at 17.
        (sumMapIf([toUnixTimestamp(toStartOfMinute(Timestamp))], [toUInt32(SeverityNumber >= 17)],
            [toUInt32(EventName = 'flotilla.firmware.crash')],
            SeverityNumber >= 17 OR EventName = 'flotilla.firmware.crash') AS Told).1,
        Told.2,
        Told.3,
        []
    FROM otel_logs
    WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
        AND SettledAt >= mark AND SettledAt < before
        AND TimestampTime >= toDateTime(since) AND Timestamp >= IngestedAt - INTERVAL 8 DAY
    GROUP BY DeviceId
) AS s
GROUP BY DeviceId
