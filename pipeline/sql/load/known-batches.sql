-- Which of these batches came before this range of the log. Ids are percent-encoded, comma-separated.
SELECT DeviceId, BatchId
FROM flotilla_ingested_batches
WHERE Topic = {topic:String}
    AND Partition = {partition:UInt32}
    AND DeviceId IN (SELECT decodeURLComponent(arrayJoin(splitByChar(',', {device_ids:String}))))
    AND BatchId IN (SELECT decodeURLComponent(arrayJoin(splitByChar(',', {batch_ids:String}))))
    AND Offset < {before_offset:UInt64}
GROUP BY DeviceId, BatchId
