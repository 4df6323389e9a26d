-- Which rows of a range of the log are stored already, as `offset:nanoseconds`. All rows of one record
-- with one time went into one part, which is stored whole or not at all.
SELECT DISTINCT concat(toString(IngestOffset), ':', toString(toUnixTimestamp64Nano({time_column:Identifier}))) AS RowKey
FROM {table:Identifier}
WHERE IngestSource = {source:String}
    AND IngestOffset >= {from_offset:UInt64}
    AND IngestOffset < {to_offset:UInt64}
