-- The newest computed health of each device.
CREATE OR REPLACE VIEW flotilla_device_health_latest AS
SELECT
    DeviceId,
    max(h.ComputedAt) AS ComputedAt,
    argMax(h.Score, h.ComputedAt) AS Score,
    argMax(h.Confidence, h.ComputedAt) AS Confidence,
    argMax(h.Status, h.ComputedAt) AS Status,
    argMax(h.Contributions, h.ComputedAt) AS Contributions
FROM flotilla_device_health AS h
GROUP BY DeviceId
