-- Writes down what is known of each device heard of in the last seven days, one row per signal.
--
-- Windows end at the device's last word, not at now: a device that fell silent keeps what it last
-- said, and only its age grows. So silence never heals. Points dated more than five minutes ahead are
-- not believed: a clock that runs ahead must not pass for a heartbeat.
-- Parameters: computed_at_ms (now, milliseconds since the epoch), heartbeat_ms (a device's metric interval).
INSERT INTO flotilla_health_observations (ComputedAt, DeviceId, Signal, Value, AgeSeconds)
WITH
    fromUnixTimestamp64Milli({computed_at_ms:Int64}, 'UTC') AS now_at,
    -- Seven days, and the longest window before a device's last word.
    now_at - INTERVAL 8 DAY AS since,
    now_at + INTERVAL 5 MINUTE AS until,
    (SELECT groupArray(Signal) FROM flotilla_health_signals WHERE IsOptional = 0) AS required,
    heard AS
    (
        SELECT DeviceId, max(LastAt) AS LastAt
        FROM
        (
            SELECT DeviceId, max(TimeUnix) AS LastAt
            FROM otel_metrics_gauge
            WHERE ServiceName = 'flotilla-device' AND DeviceId != '' AND TimeUnix BETWEEN since AND until
            GROUP BY DeviceId
            UNION ALL
            SELECT DeviceId, max(Timestamp) AS LastAt
            FROM otel_logs
            WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
                AND TimestampTime BETWEEN toDateTime(since) AND toDateTime(until)
            GROUP BY DeviceId
        )
        GROUP BY DeviceId
        HAVING LastAt >= now_at - INTERVAL 7 DAY
    ),
    readings AS
    (
        SELECT
            DeviceId,
            MetricName,
            max(TimeUnix) AS ReadAt,
            -- Of several at one time (disks, sensors) the largest: it is the one that hurts first.
            argMax(Value, (TimeUnix, Value)) AS Newest,
            -- The newest readings of the processor: 15 minutes at the fastest interval in use.
            arrayMap(r -> r.2, arrayFilter(
                r -> -r.1 > toUnixTimestamp64Nano(ReadAt) - 900000000000,
                groupArraySortedIf(180)((-toUnixTimestamp64Nano(TimeUnix), Value),
                    MetricName = 'system.cpu.utilization'))) AS Recent
        FROM otel_metrics_gauge
        WHERE ServiceName = 'flotilla-device' AND DeviceId != '' AND TimeUnix BETWEEN since AND until
            AND (MetricName IN ('system.cpu.utilization', 'hw.temperature')
                OR MetricName = 'system.memory.utilization' AND Attributes['system.memory.state'] IN ('', 'used')
                OR MetricName = 'system.filesystem.utilization' AND Attributes['system.filesystem.state'] IN ('', 'used'))
        GROUP BY DeviceId, MetricName
    ),
    measured AS
    (
        SELECT
            DeviceId,
            groupArray((
                transform(MetricName,
                    ['system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization', 'hw.temperature'],
                    ['cpu_p95_pct', 'mem_used_pct', 'disk_used_pct', 'temp_headroom_c'], ''),
                toNullable(multiIf(
                    -- 85 °C: the junction limit of commercial-grade parts; a device does not tell its own yet.
                    MetricName = 'hw.temperature', 85 - Newest,
                    MetricName = 'system.cpu.utilization', 100 * arrayReduce('quantileExact(0.95)', Recent),
                    100 * Newest)),
                greatest(0., (toUnixTimestamp64Milli(now_at) - toUnixTimestamp64Milli(ReadAt)) / 1000))) AS Measured
        FROM readings
        GROUP BY DeviceId
    ),
    logged AS
    (
        SELECT
            l.DeviceId AS DeviceId,
            countIf(l.EventName = 'flotilla.firmware.crash') AS Crashes,
            -- OTel severity numbers: ERROR starts at 17.
            countIf(l.SeverityNumber >= 17 AND l.Timestamp > h.LastAt - INTERVAL 1 HOUR) AS RecentErrors,
            countIf(l.SeverityNumber >= 17 AND l.Timestamp <= h.LastAt - INTERVAL 1 HOUR) AS EarlierErrors,
            least(23, greatest(1, dateDiff('second', min(l.Timestamp), any(h.LastAt)) / 3600 - 1)) AS EarlierHours
        FROM otel_logs AS l
        INNER JOIN heard AS h ON l.DeviceId = h.DeviceId
        WHERE l.ServiceName = 'flotilla-device'
            AND l.TimestampTime BETWEEN toDateTime(since) AND toDateTime(until)
            AND l.Timestamp > h.LastAt - INTERVAL 1 DAY
        GROUP BY DeviceId
    ),
    failed AS
    (
        SELECT e.DeviceId AS DeviceId, count() AS Failures
        FROM flotilla_update_events AS e
        INNER JOIN heard AS h ON e.DeviceId = h.DeviceId
        WHERE e.Outcome IN ('failed', 'rolled_back')
            AND e.OccurredAt > h.LastAt - INTERVAL 7 DAY AND e.OccurredAt <= until
        GROUP BY DeviceId
    ),
    told AS
    (
        SELECT
            h.DeviceId AS DeviceId,
            greatest(0., (toUnixTimestamp64Milli(now_at) - toUnixTimestamp64Milli(h.LastAt)) / 1000) AS SilentSeconds,
            l.EarlierErrors / greatest(1, l.EarlierHours) AS UsualErrors,
            arrayConcat(
                [
                    ('heartbeat_gap_ratio', toNullable(SilentSeconds * 1000 / {heartbeat_ms:Float64}), SilentSeconds),
                    ('crashes_24h', toNullable(toFloat64(l.Crashes)), SilentSeconds),
                    ('update_failures_7d', toNullable(toFloat64(f.Failures)), SilentSeconds),
                    -- Errors are counts: their spread is the root of their mean.
                    ('error_log_z', toNullable((l.RecentErrors - UsualErrors) / sqrt(greatest(1, UsualErrors))), SilentSeconds)
                ],
                m.Measured) AS Known
        FROM heard AS h
        LEFT JOIN measured AS m ON h.DeviceId = m.DeviceId
        LEFT JOIN logged AS l ON h.DeviceId = l.DeviceId
        LEFT JOIN failed AS f ON h.DeviceId = f.DeviceId
    )
SELECT now_at, DeviceId, entry.1, entry.2, entry.3
FROM told
ARRAY JOIN arrayConcat(
    Known,
    arrayMap(name -> (name, CAST(NULL, 'Nullable(Float64)'), 0.),
        arrayFilter(name -> NOT has(arrayMap(k -> k.1, Known), name), required))) AS entry
