-- Copies the reports of updates that arrived in [from_s, until_s), seconds since the epoch. Repeating it
-- changes nothing.
INSERT INTO flotilla_update_reports
SELECT
    LogAttributes['flotilla.campaign.id'],
    DeviceId,
    LogAttributes['flotilla.report.id'],
    toUInt8(ServiceName = 'ota-service'),
    toUInt32OrZero(LogAttributes['flotilla.campaign.phase']),
    toUInt32OrZero(LogAttributes['flotilla.campaign.round']),
    LogAttributes['flotilla.update.state'],
    LogAttributes['flotilla.update.outcome'],
    LogAttributes['flotilla.update.reason'],
    LogAttributes['flotilla.update.from_version'],
    LogAttributes['flotilla.update.to_version'],
    toUInt64OrZero(LogAttributes['flotilla.update.transfer_bytes']),
    toUInt8(LogAttributes['flotilla.update.used_delta'] = 'true'),
    Timestamp,
    IngestedAt
FROM otel_logs
WHERE EventName = 'flotilla.update' AND LogAttributes['flotilla.report.id'] != ''
    AND IngestedAt >= fromUnixTimestamp({from_s:UInt32}) AND IngestedAt < fromUnixTimestamp({until_s:UInt32})
SETTINGS max_partitions_per_insert_block = 0
