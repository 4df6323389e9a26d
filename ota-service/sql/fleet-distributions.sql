-- How readings of fresh devices are spread over bounds, by model and version. AtMost[i] counts readings up to
-- Bounds[i]; Health comes as one more signal, `health_score`.
WITH readings AS
(
    SELECT Model, FirmwareVersion, Signal::String AS Signal, assumeNotNull(s.Reading) AS Reading
    FROM flotilla_device_signals_latest AS s
    WHERE Signal IN ('cpu_p95_pct', 'mem_used_pct', 'disk_used_pct', 'temp_headroom_c')
        AND isNotNull(s.Reading) AND AgeSeconds < 3600
    UNION ALL
    SELECT d.Model, d.FirmwareVersion, 'health_score', h.Score
    FROM flotilla_device_health AS h
    INNER JOIN
    (
        SELECT DeviceId, Model, FirmwareVersion
        FROM flotilla_device_signals_latest
        WHERE Signal = 'heartbeat_gap_ratio'
    ) AS d ON h.DeviceId = d.DeviceId
    WHERE h.ComputedAt = (
        SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
)
SELECT
    Model,
    FirmwareVersion,
    Signal,
    multiIf(
        Signal = 'health_score', [10., 20, 30, 40, 50, 60, 70, 80, 90, 100],
        Signal = 'temp_headroom_c', [0., 20, 40, 50, 60, 70, 75, 80, 85, 100],
        [0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1]) AS Bounds,
    count() AS Devices,
    sum(Reading) AS Total,
    sumForEach(arrayMap(bound -> toUInt64(Reading <= bound), Bounds)) AS AtMost
FROM readings
GROUP BY Model, FirmwareVersion, Signal
