-- Devices of the newest health computation by model, version and status.
SELECT d.Model AS Model, d.FirmwareVersion AS FirmwareVersion, h.Status AS Status, count() AS Devices
FROM flotilla_device_health AS h
INNER JOIN
(
    SELECT DeviceId, Model, FirmwareVersion
    FROM flotilla_device_signals_latest
    WHERE Signal = 'heartbeat_gap_ratio'
) AS d ON h.DeviceId = d.DeviceId
WHERE h.ComputedAt = (
    SELECT max(ComputedAt) FROM flotilla_device_health WHERE ComputedAt > now() - INTERVAL 2 HOUR)
GROUP BY Model, FirmwareVersion, Status
