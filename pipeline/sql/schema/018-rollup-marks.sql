-- Up to which time of arrival each rollup has copied; the newest row of a rollup counts, and merges drop
-- the others, so it needs no codec and no TTL.
CREATE TABLE IF NOT EXISTS flotilla_rollup_marks
(
    Rollup LowCardinality(String),
    Until DateTime
)
ENGINE = ReplacingMergeTree(Until)
ORDER BY Rollup
