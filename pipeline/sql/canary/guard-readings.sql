-- What devices sent in a window before a moment of their own and in as long a window after it: for an
-- updated device the moment is its update, for its control that of the device it is compared with.
--
-- Parameters: devices and at_ms (side by side; milliseconds since the epoch), window_ms, skip_ms (between
-- the moment and the second window). One row per device that sent anything. NULL: too few points.
-- Slopes are percentage points per hour. Coverage counts the tenths of a window with a point in them.
--
-- Cost: the points lie by metric and device, so of a fleet only the devices asked for are read; of the log
-- lines, those of the time between the first window and the last.
CREATE OR REPLACE VIEW flotilla_guard_readings AS
WITH
    {devices:Array(String)} AS ids,
    {at_ms:Array(Int64)} AS moments,
    fromUnixTimestamp64Milli(arrayMin(moments) - {window_ms:Int64}, 'UTC') AS first_at,
    fromUnixTimestamp64Milli(arrayMax(moments) + {skip_ms:Int64} + {window_ms:Int64}, 'UTC') AS last_at,
    points AS
    (
        SELECT
            DeviceId,
            transform(DeviceId, ids, moments, toInt64(0)) AS moment,
            toUnixTimestamp64Milli(TimeUnix) - moment AS since_ms,
            multiIf(
                since_ms >= -{window_ms:Int64} AND since_ms < 0, 'before',
                since_ms >= {skip_ms:Int64} AND since_ms < {skip_ms:Int64} + {window_ms:Int64}, 'after',
                '') AS side,
            intDiv((since_ms - if(side = 'after', {skip_ms:Int64}, -{window_ms:Int64})) * 10, {window_ms:Int64}) AS tenth,
            MetricName = 'system.cpu.utilization' AS is_cpu,
            MetricName = 'system.memory.utilization' AND Attributes['system.memory.state'] IN ('', 'used') AS is_memory,
            MetricName = 'hw.battery.charge' AS is_battery,
            100 * Value AS value,
            since_ms / 3600000 AS hours
        FROM otel_metrics_gauge
        WHERE ServiceName = 'flotilla-device'
            AND MetricName IN ('system.cpu.utilization', 'system.memory.utilization', 'hw.battery.charge')
            AND DeviceId IN {devices:Array(String)}
            AND TimeUnix >= first_at AND TimeUnix < last_at
    ),
    lines AS
    (
        SELECT
            DeviceId,
            toUnixTimestamp64Milli(Timestamp) - transform(DeviceId, ids, moments, toInt64(0)) AS since_ms,
            multiIf(
                since_ms >= -{window_ms:Int64} AND since_ms < 0, 'before',
                since_ms >= {skip_ms:Int64} AND since_ms < {skip_ms:Int64} + {window_ms:Int64}, 'after',
                '') AS side,
            EventName = 'flotilla.firmware.crash' AS is_crash,
            -- Sampling may have kept one record for many.
            greatest(1, toUInt32OrZero(LogAttributes['flotilla.log.adjusted_count'])) AS records
        FROM otel_logs
        WHERE ServiceName = 'flotilla-device'
            AND (EventName = 'flotilla.firmware.crash' OR (SeverityNumber >= 17 AND EventName = ''))
            AND DeviceId IN {devices:Array(String)}
            AND TimestampTime >= toDateTime(first_at) AND TimestampTime <= toDateTime(last_at)
    )
SELECT
    DeviceId,
    sum(s.CoverageBefore) AS CoverageBefore, sum(s.CoverageAfter) AS CoverageAfter,
    max(s.CpuBefore) AS CpuBefore, max(s.CpuAfter) AS CpuAfter,
    max(s.MemorySlopeBefore) AS MemorySlopeBefore, max(s.MemorySlopeAfter) AS MemorySlopeAfter,
    max(s.BatterySlopeBefore) AS BatterySlopeBefore, max(s.BatterySlopeAfter) AS BatterySlopeAfter,
    sum(s.CrashesBefore) AS CrashesBefore, sum(s.CrashesAfter) AS CrashesAfter,
    sum(s.ErrorsBefore) AS ErrorsBefore, sum(s.ErrorsAfter) AS ErrorsAfter
FROM
(
    SELECT
        DeviceId,
        uniqExactIf(tenth, side = 'before') AS CoverageBefore,
        uniqExactIf(tenth, side = 'after') AS CoverageAfter,
        avgOrNullIf(value, is_cpu AND side = 'before') AS CpuBefore,
        avgOrNullIf(value, is_cpu AND side = 'after') AS CpuAfter,
        if(countIf(is_memory AND side = 'before') < 4, NULL,
            simpleLinearRegressionIf(hours, value, is_memory AND side = 'before').1) AS MemorySlopeBefore,
        if(countIf(is_memory AND side = 'after') < 4, NULL,
            simpleLinearRegressionIf(hours, value, is_memory AND side = 'after').1) AS MemorySlopeAfter,
        if(countIf(is_battery AND side = 'before') < 4, NULL,
            simpleLinearRegressionIf(hours, value, is_battery AND side = 'before').1) AS BatterySlopeBefore,
        if(countIf(is_battery AND side = 'after') < 4, NULL,
            simpleLinearRegressionIf(hours, value, is_battery AND side = 'after').1) AS BatterySlopeAfter,
        0 AS CrashesBefore, 0 AS CrashesAfter, 0 AS ErrorsBefore, 0 AS ErrorsAfter
    FROM points
    WHERE side != ''
    GROUP BY DeviceId

    UNION ALL

    SELECT
        DeviceId, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL,
        countIf(is_crash AND side = 'before'), countIf(is_crash AND side = 'after'),
        sumIf(records, NOT is_crash AND side = 'before'), sumIf(records, NOT is_crash AND side = 'after')
    FROM lines
    WHERE side != ''
    GROUP BY DeviceId
) AS s
GROUP BY DeviceId
