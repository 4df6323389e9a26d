-- How updates ended that ended after a time, one row per report, as flotilla_update_events tells it but
-- without grouping the reports of two years first. A report is looked for a day before that time as well,
-- since its two copies may carry different times.
-- Parameter: since_ms, milliseconds since the epoch.
CREATE OR REPLACE VIEW flotilla_update_outcomes AS
WITH fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC') AS since
SELECT
    DeviceId,
    argMax(r.Outcome, r.FromOta) AS Outcome,
    argMax(r.OccurredAt, r.FromOta) AS OccurredAt
FROM
(
    SELECT ReportId, CampaignId, DeviceId, Outcome::String AS Outcome, OccurredAt, FromOta
    FROM flotilla_update_reports
    WHERE OccurredAt >= since - INTERVAL 1 DAY
    UNION ALL
    SELECT
        LogAttributes['flotilla.report.id'],
        LogAttributes['flotilla.campaign.id'],
        DeviceId,
        LogAttributes['flotilla.update.outcome'],
        Timestamp,
        toUInt8(ServiceName = 'ota-service')
    FROM otel_logs
    WHERE EventName = 'flotilla.update' AND LogAttributes['flotilla.report.id'] != ''
        AND IngestedAt >= (SELECT max(Until) FROM flotilla_rollup_marks WHERE Rollup = 'update_reports')
        AND TimestampTime >= toDateTime(since - INTERVAL 1 DAY)
) AS r
GROUP BY ReportId, CampaignId, DeviceId
HAVING Outcome != '' AND OccurredAt >= since
