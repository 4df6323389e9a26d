-- What became of the devices of one campaign, per phase.
--
-- Parameters: campaign, base_round and round (the first and the last that count), now_ms (milliseconds),
-- cutoffs (one rank per phase, rising) and deadlines (milliseconds, one per phase), after and up_to (the
-- range of device ids to count, the first not in it; '' for no end), excluded (device ids in there that
-- the campaign does not wait for).
--
-- Only rounds in which ota-service says that it offered the update count, so nobody brings evidence
-- who was not asked for it.
-- A device's phase comes from its rank, not from what it claims. Its first final outcome of a round
-- counts; a confirmation counts from any round, a failure only from the newest in which the device was
-- asked, if that is no older than the base round.
WITH
    per_round AS
    (
        SELECT
            DeviceId,
            Round,
            argMinIf(Outcome, (OccurredAt, ReportId), Outcome != '') AS outcome,
            minIf(toUnixTimestamp64Milli(OccurredAt), Outcome != '') AS finished_at_ms,
            countIf(State != 'offered') > 0 AS is_started,
            minIf(toUnixTimestamp64Milli(OccurredAt), State = 'offered' AND FromOta = 1) AS offered_at_ms,
            minIf(toUnixTimestamp64Milli(OccurredAt), State != 'offered') AS first_sign_at_ms
        FROM flotilla_update_events
        WHERE CampaignId = {campaign:String}
            AND Round <= {round:UInt32}
            AND DeviceId > {after:String}
            AND ({up_to:String} = '' OR DeviceId <= {up_to:String})
            AND NOT has({excluded:Array(String)}, DeviceId)
        GROUP BY DeviceId, Round
        HAVING countIf(State = 'offered' AND FromOta = 1) > 0
    ),
    per_device AS
    (
        SELECT
            DeviceId,
            lower(hex(SHA256(concat({campaign:String}, DeviceId)))) AS rank,
            countIf(outcome = 'confirmed') > 0 AS is_confirmed,
            minIf(finished_at_ms, outcome = 'confirmed') AS confirmed_at_ms,
            argMaxIf(outcome, Round, Round >= {base_round:UInt32}) AS round_outcome,
            argMaxIf(finished_at_ms, Round, Round >= {base_round:UInt32}) AS round_finished_at_ms,
            argMaxIf(is_started, Round, Round >= {base_round:UInt32}) AS is_started_in_round,
            argMaxIf(offered_at_ms, Round, Round >= {base_round:UInt32}) AS round_offered_at_ms,
            argMaxIf(first_sign_at_ms, Round, Round >= {base_round:UInt32}) AS round_first_sign_at_ms
        FROM per_round
        GROUP BY DeviceId
    ),
    judged AS
    (
        SELECT
            arrayFirstIndex(cutoff -> (rank <= cutoff), {cutoffs:Array(String)}) AS device_phase,
            multiIf(is_confirmed, 'confirmed', round_outcome) AS device_outcome,
            multiIf(is_confirmed, confirmed_at_ms, round_finished_at_ms) AS device_finished_at_ms,
            is_confirmed OR is_started_in_round AS device_started,
            -- A rank above every cutoff has no phase and is counted nowhere.
            {deadlines:Array(Int64)}[greatest(device_phase, 1)] AS deadline_ms,
            -- A device's clock is believed only between the offer (our clock) and now. One that
            -- gave no sign since its offer is silent from the offer on.
            if(
                round_first_sign_at_ms BETWEEN round_offered_at_ms AND {now_ms:Int64},
                round_first_sign_at_ms,
                round_offered_at_ms) AS device_begun_at_ms,
            round_offered_at_ms > 0 AND device_outcome = ''
                AND {now_ms:Int64} - device_begun_at_ms > deadline_ms AS device_silent
        FROM per_device
    )
SELECT
    toUInt32(device_phase) AS phase,
    countIf(device_started OR device_silent) AS started,
    countIf(device_outcome = 'confirmed') AS confirmed,
    countIf(device_outcome = 'failed') AS failed,
    countIf(device_outcome = 'rolled_back') AS rolled_back,
    countIf(device_silent) AS silent,
    -- Zero when there is none.
    minIf(
        if(device_silent, device_begun_at_ms + deadline_ms, device_finished_at_ms),
        device_silent OR device_outcome IN ('failed', 'rolled_back')) AS first_failure_at_ms,
    maxIf(device_finished_at_ms, device_outcome != '') AS last_finish_at_ms
FROM judged
WHERE device_phase > 0
GROUP BY device_phase
ORDER BY device_phase
