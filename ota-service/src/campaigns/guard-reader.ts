import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Guards } from '@flotilla/contracts';
import { z } from 'zod';
import type { Campaign } from './domain/campaign.ts';
import type { DeviceReadings, GuardObservation, GuardPair } from './domain/gates/guard-gate.ts';
import { pairDevices, type Comparison, type SampledDevice } from './domain/guard-pairs.ts';
import type { GuardControls } from './guard-controls.ts';

/** Updated devices compared; from some dozens on, more tell hardly more. */
const SAMPLE_DEVICES = 64;
/** Telemetry travels a while, from the device's queue to the warehouse. */
const SETTLING_MS = 30_000;
/** Of devices whose telemetry was not there, the next look comes after this. */
const RETRY_MS = 60_000;
/** Reading may cost at most one part in this many of the time. */
const REST_FACTOR = 20;
/** Parameters travel in the URL; a server that limits request heads to 16 KiB must take it. */
const MAX_DEVICES_URL_LENGTH = 8 * 1024;
/** A moment in milliseconds and its comma. */
const MOMENT_LENGTH = 16;

const sql = (file: string) => readFileSync(new URL(`../../sql/${file}`, import.meta.url), 'utf8');
const sampleQuery = sql('guard-sample.sql');
const readingsQuery = sql('guard-readings.sql');

const sampleSchema = z.object({ DeviceId: z.string(), UpdatedAtMs: z.coerce.number() });

const count = z.coerce.number();
const measured = z.number().nullable();
/** What `guard-readings.sql` answers for one device; 64-bit numbers may come quoted. */
const readingsSchema = z.object({
  DeviceId: z.string(),
  CoverageBefore: count,
  CoverageAfter: count,
  CpuBefore: measured,
  CpuAfter: measured,
  MemorySlopeBefore: measured,
  MemorySlopeAfter: measured,
  BatterySlopeBefore: measured,
  BatterySlopeAfter: measured,
  CrashesBefore: count,
  CrashesAfter: count,
  ErrorsBefore: count,
  ErrorsAfter: count,
});
type ReadingsRow = z.infer<typeof readingsSchema>;

interface Known {
  readonly round: number;
  readonly pairs: Map<string, { readonly pair: GuardPair; readonly readAtMs: number }>;
  unpaired: number;
  usedControls: Set<string>;
  observation: GuardObservation | null;
  takenAtMs: number;
  validUntilMs: number;
}

/**
 * Puts together what the guards compare. A pair is read once, when its windows are over, and again only
 * as long as its device's telemetry is missing; so a campaign costs the warehouse a few hundred devices'
 * points, not the fleet's.
 */
export class GuardReader {
  readonly #warehouse: ClickHouseClient;
  readonly #controls: GuardControls;
  readonly #clock: () => number;
  readonly #known = new Map<string, Known>();

  constructor(warehouse: ClickHouseClient, controls: GuardControls, clock: () => number) {
    this.#warehouse = warehouse;
    this.#controls = controls;
    this.#clock = clock;
  }

  async read(
    campaign: Campaign,
    guards: Guards,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<GuardObservation> {
    const known = this.#knownOf(campaign);
    const startedAtMs = this.#clock();
    // A clock that was set back must not keep what is old.
    const isValid = startedAtMs >= known.takenAtMs && startedAtMs < known.validUntilMs;
    if (known.observation !== null && isValid) return known.observation;
    const sample = await this.#sample(campaign, signal);
    const settlingMs = Math.min(SETTLING_MS, guards.windowMs);
    const overAtMs = (device: SampledDevice): number =>
      device.updatedAtMs + guards.skipMs + guards.windowMs + settlingMs;
    const over = sample.filter((device) => overAtMs(device) <= nowMs);
    const due = over.filter(({ id }) => isDue(known.pairs.get(id), nowMs));
    if (due.length > 0) await this.#compare(campaign, guards, due, known, nowMs, signal);
    const waiting = sample.filter((device) => overAtMs(device) > nowMs);
    known.observation = {
      pairs: over.flatMap(({ id }) => known.pairs.get(id)?.pair ?? []),
      waiting: waiting.length,
      waitUntilMs: waiting.length === 0 ? null : Math.max(...waiting.map(overAtMs)),
      unpaired: over.filter(({ id }) => !known.pairs.has(id)).length,
    };
    const endedAtMs = this.#clock();
    known.takenAtMs = endedAtMs;
    known.validUntilMs = endedAtMs + REST_FACTOR * (endedAtMs - startedAtMs);
    return known.observation;
  }

  /** Forgets the campaigns that are over. */
  keepOnly(campaignIds: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!campaignIds.has(id)) this.#known.delete(id);
    this.#controls.keepOnly(campaignIds);
  }

  #knownOf(campaign: Campaign): Known {
    const known = this.#known.get(campaign.id);
    if (known?.round === campaign.round) return known;
    const fresh = {
      round: campaign.round,
      pairs: new Map(),
      unpaired: 0,
      usedControls: new Set<string>(),
      observation: null,
      takenAtMs: 0,
      validUntilMs: 0,
    };
    this.#known.set(campaign.id, fresh);
    return fresh;
  }

  async #sample(campaign: Campaign, signal: AbortSignal): Promise<SampledDevice[]> {
    const result = await this.#warehouse.query({
      query: sampleQuery,
      format: 'JSONEachRow',
      abort_signal: signal,
      query_params: { campaign: campaign.id, round: campaign.round, sample: SAMPLE_DEVICES },
    });
    const rows = z.array(sampleSchema).parse(await result.json());
    return rows.map((row) => ({ id: row.DeviceId, updatedAtMs: row.UpdatedAtMs }));
  }

  async #compare(
    campaign: Campaign,
    guards: Guards,
    due: readonly SampledDevice[],
    known: Known,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const pool = await this.#controls.of(
      campaign,
      due.map(({ id }) => id),
    );
    // Devices that are looked at again keep their controls.
    const again = due.filter(({ id }) => known.pairs.has(id));
    for (const { id } of again) {
      for (const control of known.pairs.get(id)?.pair.controlIds ?? [])
        known.usedControls.delete(control);
    }
    const endMs = guards.skipMs + guards.windowMs;
    const comparisons = pairDevices(due, pool, known.usedControls, endMs);
    const readings = await this.#readings(comparisons, guards, signal);
    for (const { device, controlIds } of comparisons) {
      for (const id of controlIds) known.usedControls.add(id);
      const pair: GuardPair = {
        deviceId: device.id,
        controlIds,
        updated: readings.get(device.id) ?? nothing(),
        controls: controlIds.map((id) => readings.get(id) ?? nothing()),
      };
      known.pairs.set(device.id, { pair, readAtMs: nowMs });
    }
    // An embedded warehouse answers on this process' threads; requests go in between.
    await setImmediate();
  }

  async #readings(
    comparisons: readonly Comparison[],
    guards: Guards,
    signal: AbortSignal,
  ): Promise<Map<string, DeviceReadings>> {
    const moments = comparisons.flatMap(({ device, controlIds }) =>
      [device.id, ...controlIds].map((id) => ({ id, atMs: device.updatedAtMs })),
    );
    // Neighbours in time share the log lines that are read.
    moments.sort((a, b) => a.atMs - b.atMs);
    const readings = new Map<string, DeviceReadings>();
    for (const batch of batchesOf(moments)) {
      const result = await this.#warehouse.query({
        query: readingsQuery,
        format: 'JSONEachRow',
        abort_signal: signal,
        query_params: {
          devices: batch.map(({ id }) => id),
          at_ms: batch.map(({ atMs }) => atMs),
          window_ms: guards.windowMs,
          skip_ms: guards.skipMs,
        },
      });
      for (const row of z.array(readingsSchema).parse(await result.json())) {
        readings.set(row.DeviceId, readingsOf(row, guards.windowMs));
      }
    }
    return readings;
  }
}

function isDue(known: { pair: GuardPair; readAtMs: number } | undefined, nowMs: number): boolean {
  if (known === undefined) return true;
  const isSilent = known.pair.updated.crashRate.after === null;
  return isSilent && nowMs - known.readAtMs >= RETRY_MS;
}

function batchesOf<T extends { readonly id: string }>(moments: readonly T[]): T[][] {
  const batches: T[][] = [];
  let length = Infinity;
  for (const moment of moments) {
    const own = encodeURIComponent(`'${moment.id}',`).length + MOMENT_LENGTH;
    if (length + own > MAX_DEVICES_URL_LENGTH) {
      batches.push([]);
      length = 0;
    }
    batches.at(-1)?.push(moment);
    length += own;
  }
  return batches;
}

/** A device that sent nothing in a window has no crashes known, which is not the same as none. */
function readingsOf(row: ReadingsRow, windowMs: number): DeviceReadings {
  const perHour = 3_600_000 / windowMs;
  const told = (coverage: number, value: number): number | null => (coverage === 0 ? null : value);
  const { CoverageBefore: before, CoverageAfter: after } = row;
  return {
    crashRate: {
      before: told(before, row.CrashesBefore * perHour),
      after: told(after, row.CrashesAfter * perHour),
    },
    errorLogRate: { before: told(before, row.ErrorsBefore), after: told(after, row.ErrorsAfter) },
    cpu: { before: row.CpuBefore, after: row.CpuAfter },
    memorySlope: { before: row.MemorySlopeBefore, after: row.MemorySlopeAfter },
    batteryDrain: { before: row.BatterySlopeBefore, after: row.BatterySlopeAfter },
    // Ten tenths of a window. Who was not heard before cannot have gone silent.
    connectivity: { before: told(before, 10 * before), after: before === 0 ? null : 10 * after },
  };
}

function nothing(): DeviceReadings {
  const none = { before: null, after: null };
  return {
    crashRate: none,
    errorLogRate: none,
    cpu: none,
    memorySlope: none,
    batteryDrain: none,
    connectivity: none,
  };
}
