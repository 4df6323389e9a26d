SELECT
    OccurredAt AS Time,
    CampaignId AS Campaign,
    State,
    Reason,
    FromVersion AS `From`,
    ToVersion AS `To`
FROM flotilla_update_events
WHERE DeviceId = '${device}'
ORDER BY OccurredAt DESC
LIMIT 100
