-- What the newest health computation saw, with how much of its weight each signal costs: 0 (good) to 1.
-- Columns: DeviceId, Model, FirmwareVersion, Signal String; Value Nullable(Float64); AgeSeconds, Severity
-- Float64. A computation counts once it was scored, so it is never seen half written.
CREATE OR REPLACE VIEW flotilla_device_signals_latest AS
SELECT
    o.DeviceId AS DeviceId,
    o.Model AS Model,
    o.FirmwareVersion AS FirmwareVersion,
    o.Signal AS Signal,
    o.Value AS Value,
    o.AgeSeconds AS AgeSeconds,
    if(isNull(o.Value) OR NOT isFinite(assumeNotNull(o.Value)), 0.,
        least(1., greatest(0., (assumeNotNull(o.Value) - s.Good) / (s.Bad - s.Good)))) AS Severity
FROM flotilla_health_observations AS o
INNER JOIN flotilla_health_signals AS s ON o.Signal = s.Signal
WHERE o.ComputedAt = (
    SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
