-- The first device of a campaign to end badly, and the first crash its new firmware had before that.
WITH failed AS
(
    SELECT DeviceId, toUnixTimestamp64Milli(OccurredAt) AS atMs
    FROM flotilla_update_events
    WHERE CampaignId = {campaign:String} AND Outcome IN ('failed', 'rolled_back')
)
SELECT
    (SELECT min(atMs) FROM failed) AS firstFailureMs,
    (
        SELECT toUnixTimestamp64Milli(min(Timestamp))
        FROM otel_logs
        WHERE EventName = 'flotilla.firmware.crash' AND DeviceId IN (SELECT DeviceId FROM failed)
    ) AS firstCrashMs
