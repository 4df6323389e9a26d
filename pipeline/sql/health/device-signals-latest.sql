-- What the newest health computation saw, with how much of its weight each signal costs: 0 (good) to 1.
-- Reading is the value in base units: shares from 0 to 1, °C, seconds, counts; of a heartbeat the seconds
-- since the last one. Columns: DeviceId, Model, FirmwareVersion, Signal String; Value, Reading
-- Nullable(Float64); AgeSeconds, Severity Float64.
-- A computation counts once it was scored, so it is never seen half written.
CREATE OR REPLACE VIEW flotilla_device_signals_latest AS
SELECT
    o.DeviceId AS DeviceId,
    o.Model AS Model,
    o.FirmwareVersion AS FirmwareVersion,
    o.Signal AS Signal,
    if(isFinite(coalesce(o.Value, nan)), o.Value, NULL) AS Value,
    multiIf(
        Signal = 'heartbeat_gap_ratio', toNullable(AgeSeconds),
        Signal = 'temp_headroom_c', 85 - Value,
        Signal = 'disk_full_eta_days', Value * 86400,
        endsWith(Signal, '_pct'), Value / 100,
        Value) AS Reading,
    o.AgeSeconds AS AgeSeconds,
    least(1., greatest(0., (coalesce(Value, s.Good) - s.Good) / (s.Bad - s.Good))) AS Severity
FROM flotilla_health_observations AS o
INNER JOIN flotilla_health_signals AS s ON o.Signal = s.Signal
WHERE o.ComputedAt = (
    SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
