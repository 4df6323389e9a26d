-- One row per report of an update, however often and whichever way it came: the agent's telemetry and
-- ota-service's direct report carry the same report id. ota-service checked its copy, so that one wins.
-- The device id is part of the key: no device can speak over another one's report. FromOta is 1 when
-- ota-service itself wrote it; the collector takes no device's record under that service's name.
--
-- Closed arrivals come from flotilla_update_reports, the newest from the log lines themselves, so that a
-- report counts at once. A report found in both is one row all the same. The campaign is part of the
-- key, so that asking for one campaign reads no other's.
CREATE OR REPLACE VIEW flotilla_update_events AS
SELECT
    ReportId,
    CampaignId,
    DeviceId,
    argMax(r.Phase, r.FromOta) AS Phase,
    argMax(r.Round, r.FromOta) AS Round,
    argMax(r.State, r.FromOta) AS State,
    argMax(r.Outcome, r.FromOta) AS Outcome,
    argMax(r.Reason, r.FromOta) AS Reason,
    argMax(r.FromVersion, r.FromOta) AS FromVersion,
    argMax(r.ToVersion, r.FromOta) AS ToVersion,
    argMax(r.TransferBytes, r.FromOta) AS TransferBytes,
    argMax(r.UsedDelta, r.FromOta) AS UsedDelta,
    argMax(r.OccurredAt, r.FromOta) AS OccurredAt,
    max(r.FromOta) AS FromOta
FROM
(
    SELECT
        ReportId, CampaignId, DeviceId, Phase, Round, State::String AS State, Outcome::String AS Outcome, Reason,
        FromVersion::String AS FromVersion, ToVersion::String AS ToVersion,
        TransferBytes, UsedDelta, OccurredAt, FromOta
    FROM flotilla_update_reports
    UNION ALL
    SELECT
        LogAttributes['flotilla.report.id'] AS ReportId,
        LogAttributes['flotilla.campaign.id'] AS CampaignId,
        DeviceId,
        toUInt32OrZero(LogAttributes['flotilla.campaign.phase']) AS Phase,
        toUInt32OrZero(LogAttributes['flotilla.campaign.round']) AS Round,
        LogAttributes['flotilla.update.state'] AS State,
        LogAttributes['flotilla.update.outcome'] AS Outcome,
        LogAttributes['flotilla.update.reason'] AS Reason,
        LogAttributes['flotilla.update.from_version'] AS FromVersion,
        LogAttributes['flotilla.update.to_version'] AS ToVersion,
        toUInt64OrZero(LogAttributes['flotilla.update.transfer_bytes']) AS TransferBytes,
        toUInt8(LogAttributes['flotilla.update.used_delta'] = 'true') AS UsedDelta,
        Timestamp AS OccurredAt,
        toUInt8(ServiceName = 'ota-service') AS FromOta
    FROM otel_logs
    WHERE EventName = 'flotilla.update' AND LogAttributes['flotilla.report.id'] != ''
        AND IngestedAt >= (SELECT max(Until) FROM flotilla_rollup_marks WHERE Rollup = 'update_reports')
) AS r
GROUP BY ReportId, CampaignId, DeviceId
