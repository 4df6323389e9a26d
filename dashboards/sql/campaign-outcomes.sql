SELECT
    toStartOfMinute(OccurredAt) AS time,
    Outcome AS outcome,
    count() AS devices
FROM flotilla_update_events
WHERE CampaignId = '${campaign}' AND Outcome != '' AND $__timeFilter(OccurredAt)
GROUP BY time, outcome
ORDER BY time, outcome
