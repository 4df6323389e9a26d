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
    points AS
    (
        SELECT DeviceId, MetricName, TimeUnix AS At, max(Value) AS Reading
        FROM otel_metrics_gauge
        WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
            AND TimeUnix BETWEEN since AND until
            AND MetricName IN ('system.cpu.utilization', 'system.memory.utilization',
                'system.filesystem.utilization', 'hw.temperature')
            AND Attributes['system.memory.state'] IN ('', 'used')
            AND Attributes['system.filesystem.state'] IN ('', 'used')
        GROUP BY DeviceId, MetricName, At
    ),
    log_lines AS
    (
        SELECT DeviceId, Timestamp AS At, SeverityNumber, EventName
        FROM otel_logs
        WHERE ServiceName = 'flotilla-device' AND DeviceId != ''
            AND TimestampTime BETWEEN toDateTime(since) AND toDateTime(until)
    ),
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
            SELECT DeviceId, max(At) FROM log_lines GROUP BY DeviceId
        )
        GROUP BY DeviceId
        HAVING LastAt >= now_at - INTERVAL 7 DAY
    ),
    latest AS
    (
        SELECT
            p.DeviceId AS DeviceId,
            p.MetricName AS MetricName,
            argMax(p.Reading, p.At) AS LastReading,
            max(p.At) AS ReadAt,
            quantileExactIf(0.95)(p.Reading, p.At > h.LastAt - INTERVAL 15 MINUTE) AS RecentP95
        FROM points AS p
        INNER JOIN heard AS h ON p.DeviceId = h.DeviceId
        GROUP BY DeviceId, MetricName
    ),
    logged AS
    (
        SELECT
            l.DeviceId AS DeviceId,
            countIf(l.EventName = 'flotilla.firmware.crash' AND l.At > h.LastAt - INTERVAL 1 DAY) AS Crashes,
            -- OTel severity numbers: ERROR starts at 17.
            countIf(l.SeverityNumber >= 17 AND l.At > h.LastAt - INTERVAL 1 HOUR) AS RecentErrors,
            countIf(l.SeverityNumber >= 17 AND l.At <= h.LastAt - INTERVAL 1 HOUR
                AND l.At > h.LastAt - INTERVAL 1 DAY) AS EarlierErrors,
            minIf(l.At, l.At > h.LastAt - INTERVAL 1 DAY) AS FirstAt,
            least(23, greatest(1, dateDiff('second', FirstAt, any(h.LastAt)) / 3600 - 1)) AS EarlierHours
        FROM log_lines AS l
        INNER JOIN heard AS h ON l.DeviceId = h.DeviceId
        GROUP BY DeviceId
    ),
    failures AS
    (
        SELECT e.DeviceId AS DeviceId, count() AS Failures
        FROM flotilla_update_events AS e
        INNER JOIN heard AS h ON e.DeviceId = h.DeviceId
        WHERE e.Outcome IN ('failed', 'rolled_back')
            AND e.OccurredAt > h.LastAt - INTERVAL 7 DAY AND e.OccurredAt <= until
        GROUP BY DeviceId
    ),
    per_device AS
    (
        SELECT
            h.DeviceId AS DeviceId,
            greatest(0, (toUnixTimestamp64Milli(now_at) - toUnixTimestamp64Milli(h.LastAt)) / 1000) AS SilentSeconds,
            l.Crashes AS Crashes,
            f.Failures AS Failures,
            l.EarlierErrors / if(l.EarlierHours = 0, 1, l.EarlierHours) AS UsualErrors,
            -- Errors are counts: their spread is the root of their mean.
            (l.RecentErrors - UsualErrors) / sqrt(greatest(1, UsualErrors)) AS ErrorZ
        FROM heard AS h
        LEFT JOIN logged AS l ON h.DeviceId = l.DeviceId
        LEFT JOIN failures AS f ON h.DeviceId = f.DeviceId
    ),
    observed AS
    (
        SELECT DeviceId, said.1 AS Signal, said.2 AS Reading, SilentSeconds AS AgeSeconds
        FROM per_device
        ARRAY JOIN
        [
            ('heartbeat_gap_ratio', SilentSeconds * 1000 / {heartbeat_ms:Float64}),
            ('crashes_24h', toFloat64(Crashes)),
            ('update_failures_7d', toFloat64(Failures)),
            ('error_log_z', toFloat64(ErrorZ))
        ] AS said
        UNION ALL
        SELECT
            DeviceId,
            transform(MetricName,
                ['system.cpu.utilization', 'system.memory.utilization', 'system.filesystem.utilization', 'hw.temperature'],
                ['cpu_p95_pct', 'mem_used_pct', 'disk_used_pct', 'temp_headroom_c'], ''),
            multiIf(
                -- 85 °C: the junction limit of commercial-grade parts; a device does not tell its own yet.
                MetricName = 'hw.temperature', 85 - LastReading,
                MetricName = 'system.cpu.utilization' AND isFinite(RecentP95), 100 * RecentP95,
                100 * LastReading),
            greatest(0, (toUnixTimestamp64Milli(now_at) - toUnixTimestamp64Milli(ReadAt)) / 1000)
        FROM latest
    )
SELECT
    now_at,
    h.DeviceId,
    s.Signal,
    if(o.Signal = '', NULL, o.Reading),
    o.AgeSeconds
FROM heard AS h
CROSS JOIN flotilla_health_signals AS s
LEFT JOIN observed AS o ON h.DeviceId = o.DeviceId AND s.Signal = o.Signal
WHERE s.IsOptional = 0 OR o.Signal != ''
