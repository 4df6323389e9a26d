SELECT
    OccurredAt AS Time,
    DeviceId AS Device,
    Phase,
    Outcome,
    Reason,
    FromVersion AS `From`,
    ToVersion AS `To`
FROM flotilla_update_events
WHERE CampaignId = '${campaign}' AND Outcome IN ('failed', 'rolled_back')
ORDER BY OccurredAt DESC
LIMIT 100
