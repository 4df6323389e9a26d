-- Fleet metrics count by model and version, and weights may differ from model to model.
ALTER TABLE flotilla_health_observations
    ADD COLUMN IF NOT EXISTS Model LowCardinality(String),
    ADD COLUMN IF NOT EXISTS FirmwareVersion LowCardinality(String)
