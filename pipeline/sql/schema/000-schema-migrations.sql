-- Which files of this folder were applied, and what they said then. Small, so no codec and no TTL;
-- the number orders it.
CREATE TABLE IF NOT EXISTS flotilla_schema_migrations
(
    Number UInt32,
    Name String,
    Checksum String,
    AppliedAt DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY Number
