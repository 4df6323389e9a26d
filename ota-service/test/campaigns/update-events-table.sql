-- The columns that `flotilla_update_events` promises (contracts/src/warehouse.ts), as a table.
CREATE TABLE flotilla_update_events
(
    ReportId String,
    CampaignId String,
    DeviceId String,
    State String,
    Outcome String,
    Reason String,
    FromVersion String,
    ToVersion String,
    Phase UInt32,
    Round UInt32,
    TransferBytes UInt64,
    UsedDelta UInt8,
    OccurredAt DateTime64(9, 'UTC')
)
ENGINE = MergeTree
ORDER BY ReportId
