-- Names of the stored batches of one partition, in order, beyond a given one. Ids are percent-encoded.
WITH
    decodeURLComponent({after_device:String}) AS after_device,
    decodeURLComponent({after_batch:String}) AS after_batch
SELECT DeviceId, BatchId
FROM flotilla_ingested_batches
WHERE Topic = {topic:String}
    AND Partition = {partition:UInt32}
    AND DeviceId >= after_device
    AND (DeviceId > after_device OR BatchId > after_batch)
ORDER BY DeviceId, BatchId
LIMIT {page_rows:UInt32}
