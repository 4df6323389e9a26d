-- One row per report of an update, however often and whichever way it came: the agent's telemetry and
-- ota-service's direct report carry the same report id. ota-service checked its copy, so that one wins.
-- The device id is part of the key: no device can speak over another one's report. FromOta is 1 when
-- ota-service itself wrote it; the collector takes no device's record under that service's name.
CREATE OR REPLACE VIEW flotilla_update_events AS
SELECT
    LogAttributes['flotilla.report.id'] AS ReportId,
    argMax(LogAttributes['flotilla.campaign.id'], ServiceName = 'ota-service') AS CampaignId,
    DeviceId,
    argMax(toUInt32OrZero(LogAttributes['flotilla.campaign.phase']), ServiceName = 'ota-service') AS Phase,
    argMax(toUInt32OrZero(LogAttributes['flotilla.campaign.round']), ServiceName = 'ota-service') AS Round,
    argMax(LogAttributes['flotilla.update.state'], ServiceName = 'ota-service') AS State,
    argMax(LogAttributes['flotilla.update.outcome'], ServiceName = 'ota-service') AS Outcome,
    argMax(LogAttributes['flotilla.update.reason'], ServiceName = 'ota-service') AS Reason,
    argMax(LogAttributes['flotilla.update.from_version'], ServiceName = 'ota-service') AS FromVersion,
    argMax(LogAttributes['flotilla.update.to_version'], ServiceName = 'ota-service') AS ToVersion,
    argMax(toUInt64OrZero(LogAttributes['flotilla.update.transfer_bytes']), ServiceName = 'ota-service') AS TransferBytes,
    argMax(toUInt8(LogAttributes['flotilla.update.used_delta'] = 'true'), ServiceName = 'ota-service') AS UsedDelta,
    argMax(Timestamp, ServiceName = 'ota-service') AS OccurredAt,
    max(toUInt8(ServiceName = 'ota-service')) AS FromOta
FROM otel_logs
WHERE EventName = 'flotilla.update' AND LogAttributes['flotilla.report.id'] != ''
GROUP BY LogAttributes['flotilla.report.id'], DeviceId
