SELECT
    Phase,
    uniqExact(DeviceId) AS Devices,
    uniqExactIf(DeviceId, Outcome = 'confirmed') AS Confirmed,
    uniqExactIf(DeviceId, Outcome = 'failed') AS Failed,
    uniqExactIf(DeviceId, Outcome = 'rolled_back') AS `Rolled back`,
    if(Confirmed + Failed + `Rolled back` = 0, NULL, (Failed + `Rolled back`) / (Confirmed + Failed + `Rolled back`)) AS `Error rate`
FROM flotilla_update_events
WHERE CampaignId = '${campaign}'
GROUP BY Phase
ORDER BY Phase
