SELECT CampaignId
FROM flotilla_update_events
GROUP BY CampaignId
ORDER BY max(OccurredAt) DESC
