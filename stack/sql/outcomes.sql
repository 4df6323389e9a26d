-- The final outcome of each device in a campaign; a device reports one per round, the newest counts.
SELECT
    DeviceId AS device,
    argMax(Outcome, (Round, OccurredAt)) AS outcome,
    argMax(Reason, (Round, OccurredAt)) AS reason
FROM flotilla_update_events
WHERE CampaignId = {campaign:String} AND Outcome != ''
GROUP BY DeviceId
ORDER BY DeviceId
