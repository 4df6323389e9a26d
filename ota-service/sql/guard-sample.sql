-- Which devices run a campaign's version since when: of those that last said that they do, the first by
-- rank, which is the order in which the campaign comes to them.
--
-- Parameters: campaign, round (the current one), sample (how many at most).
SELECT
    DeviceId,
    toUnixTimestamp64Milli(minIf(OccurredAt, State IN ('trial', 'confirmed'))) AS UpdatedAtMs
FROM flotilla_update_events
WHERE CampaignId = {campaign:String} AND Round <= {round:UInt32}
GROUP BY DeviceId
HAVING countIf(State = 'offered' AND FromOta = 1) > 0
    AND argMax(State, (Round, State != 'offered', OccurredAt, State = 'confirmed')) IN ('trial', 'confirmed')
ORDER BY lower(hex(SHA256(concat({campaign:String}, DeviceId))))
LIMIT {sample:UInt32}
