-- Scores the observations of one computation.
--
-- Score H = 100 · Π(1 − w·s), s = clamp((x − good) / (bad − good), 0, 1), over the observed signals.
-- A signal's contribution is its share of the points lost, (100 − H) · ln(1 − w·s) / Σ ln(1 − w·s), so
-- contributions add up to 100 − H. Confidence is the weight of fresh signals among all declared ones.
-- Parameter: computed_at_ms, milliseconds since the epoch.
INSERT INTO flotilla_device_health (DeviceId, ComputedAt, Score, Confidence, Status, Contributions)
WITH
    -- What one model's devices are judged by instead.
    own AS
    (
        SELECT Model, Signal, argMax(w.Weight, w.ChangedAt) AS Weight, 1 AS IsSet
        FROM flotilla_health_weights AS w
        GROUP BY Model, Signal
    ),
    penalties AS
    (
        SELECT
            o.DeviceId AS DeviceId,
            o.Signal AS Signal,
            if(own.IsSet = 1, least(0.99, own.Weight), s.Weight) AS Weight,
            isNotNull(o.Value) AND isFinite(assumeNotNull(o.Value)) AS IsObserved,
            if(IsObserved, assumeNotNull(o.Value), s.Good) AS Reading,
            log(1 - Weight * least(1., greatest(0., (Reading - s.Good) / (s.Bad - s.Good)))) AS LogKept,
            if(IsObserved, Weight * if(isNull(s.HalfLifeSeconds), 1.,
                exp2(-greatest(0., o.AgeSeconds) / assumeNotNull(s.HalfLifeSeconds))), 0.) AS FreshWeight
        FROM flotilla_health_observations AS o
        INNER JOIN flotilla_health_signals AS s ON o.Signal = s.Signal
        LEFT JOIN own ON o.Model = own.Model AND o.Signal = own.Signal
        WHERE o.ComputedAt = fromUnixTimestamp64Milli({computed_at_ms:Int64}, 'UTC')
    ),
    totals AS
    (
        SELECT
            DeviceId,
            sum(LogKept) AS LogScore,
            100 * exp(LogScore) AS Health,
            sum(FreshWeight) / sum(Weight) AS Trust,
            groupArrayIf((Signal, LogKept), IsObserved) AS Parts
        FROM penalties
        GROUP BY DeviceId
    )
SELECT
    DeviceId,
    fromUnixTimestamp64Milli({computed_at_ms:Int64}, 'UTC'),
    Health,
    Trust,
    multiIf(Trust < 0.5, 'unknown', Health >= 80, 'healthy', Health >= 50, 'degraded', 'critical'),
    CAST(
        arrayMap(p -> (p.1, if(LogScore < 0, (100 - Health) * p.2 / LogScore, 0.)), Parts),
        'Map(LowCardinality(String), Float64)')
FROM totals
