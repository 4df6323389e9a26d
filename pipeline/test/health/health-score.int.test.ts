import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import fc from 'fast-check';
import { scoreObservations } from '../../src/health/health-job.ts';
import { sqlFile } from '../../src/warehouse/sql-file.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';
import { referenceScore, type Observation, type SignalDefinition } from './reference-score.ts';

const TOLERANCE = 1e-9;
/** The reference's whole model, of which a device can report a part today. */
const REFERENCE_MODEL = `CREATE OR REPLACE VIEW flotilla_health_signals AS SELECT * FROM values(
  'Signal String, Weight Float64, Good Float64, Bad Float64, HalfLifeSeconds Nullable(Float64), IsOptional UInt8',
  ('heartbeat_gap_ratio', .99, 2, 10, NULL, 0), ('unexpected_reboots_24h', .80, 0, 5, 86400, 0),
  ('crashes_24h', .80, 0, 5, 86400, 0), ('update_failures_7d', .50, 0, 2, 604800, 0),
  ('error_log_z', .50, 2, 8, 3600, 0), ('disk_used_pct', .80, 80, 98, 3600, 0),
  ('mem_used_pct', .80, 80, 97, 900, 0), ('cpu_p95_pct', .40, 80, 100, 900, 0),
  ('temp_headroom_c', .70, 15, 0, 900, 0), ('flash_life_used_pct', .70, 70, 100, 604800, 0),
  ('battery_soh_pct', .60, 80, 50, 604800, 0), ('rssi_dbm', .30, -75, -90, 900, 0),
  ('packet_loss_pct', .40, 1, 10, 900, 0), ('disk_full_eta_days', .50, 14, 2, 86400, 0))`;

const scoredSchema = z.object({
  DeviceId: z.string(),
  Score: z.number(),
  Confidence: z.number(),
  Status: z.string(),
  Contributions: z.record(z.string(), z.number()),
});
type Scored = z.output<typeof scoredSchema>;
type Declared = ReadonlyMap<string, Observation>;

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
/** Near the real now: tables drop what is older than their time to live. */
let computedAtMs = Date.now();

beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());

/** Lets the SQL score a fleet; answers in the fleet's order. */
async function scoreFleet(fleet: readonly Declared[], model = ''): Promise<Scored[]> {
  computedAtMs += 1;
  const client = stage.warehouse.compute;
  const observations = fleet.flatMap((declared, index) =>
    [...declared].map(([signal, { value, ageSeconds }]) => ({
      ComputedAt: computedAtMs,
      DeviceId: `d${String(index).padStart(6, '0')}`,
      Model: model,
      Signal: signal,
      Value: value,
      AgeSeconds: ageSeconds,
    })),
  );
  await client.insert({
    table: 'flotilla_health_observations',
    format: 'JSONEachRow',
    values: observations,
  });
  await scoreObservations(client, computedAtMs);
  const rows = await rowsOf(
    client,
    `SELECT * FROM flotilla_device_health WHERE ComputedAt = fromUnixTimestamp64Milli(${computedAtMs}, 'UTC') ORDER BY DeviceId`,
  );
  return z.array(scoredSchema).parse(rows);
}

async function model(): Promise<SignalDefinition[]> {
  return rowsOf<SignalDefinition>(stage.warehouse.compute, 'SELECT * FROM flotilla_health_signals');
}

function closeTo(actual: Scored, expected: Omit<Scored, 'DeviceId'>): void {
  expect(Math.abs(actual.Score - expected.Score)).toBeLessThanOrEqual(TOLERANCE);
  expect(Math.abs(actual.Confidence - expected.Confidence)).toBeLessThanOrEqual(TOLERANCE);
  expect(actual.Status).toBe(expected.Status);
  expect(Object.keys(actual.Contributions).sort()).toEqual(
    Object.keys(expected.Contributions).sort(),
  );
  for (const [signal, points] of Object.entries(expected.Contributions)) {
    expect(Math.abs((actual.Contributions[signal] ?? NaN) - points)).toBeLessThanOrEqual(TOLERANCE);
  }
}

/** Fleets from a seed, so that a failure can be repeated. */
function fleets(signals: readonly SignalDefinition[], count: number, seed: number): Declared[] {
  const observation = (signal: SignalDefinition) => {
    const span = signal.Bad - signal.Good;
    return fc.record({
      value: fc.option(
        fc.double({ min: -1, max: 2, noNaN: true }).map((share) => signal.Good + share * span),
        { freq: 8 },
      ),
      ageSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
  };
  const device = fc
    .tuple(fc.subarray([...signals], { minLength: 1 }), fc.nat())
    .chain(([chosen]) =>
      fc
        .tuple(...chosen.map(observation))
        .map((values) => new Map(chosen.map((s, i) => [s.Signal, values[i] as Observation]))),
    );
  return fc.sample(device, { numRuns: count, seed });
}

describe("the reference's golden vectors", () => {
  it('come out of the SQL', async () => {
    const client = stage.warehouse.compute;
    await client.command({ query: REFERENCE_MODEL });
    const all = (await model()).map(({ Signal }) => Signal);
    expect(all).toHaveLength(14);
    const file = new URL('../fixtures/health-vectors.json', import.meta.url);
    const vectors = z
      .array(
        z.object({
          obs: z.record(z.string(), z.tuple([z.number(), z.number()])),
          out: z.object({
            score: z.number(),
            confidence: z.number(),
            contrib: z.record(z.string(), z.number()),
            status: z.string(),
          }),
        }),
      )
      .parse(JSON.parse(readFileSync(file, 'utf8')));
    const scored = await scoreFleet(
      vectors.map(
        ({ obs }) =>
          new Map(
            all.map((signal) => {
              const [value, ageSeconds] = obs[signal] ?? [null, 0];
              return [signal, { value, ageSeconds }];
            }),
          ),
      ),
    );
    expect(scored).toHaveLength(vectors.length);
    vectors.forEach(({ out }, index) =>
      closeTo(scored[index]!, {
        Score: out.score,
        Confidence: out.confidence,
        Status: out.status,
        Contributions: out.contrib,
      }),
    );
    await client.command({ query: sqlFile('health/signals.sql') });
    expect(await model()).toHaveLength(14);
  });
});

describe('random fleets', () => {
  it('get what the plain definition gives, bounded, and contributions add up', async () => {
    const signals = await model();
    const fleet = fleets(signals, 2_000, 20261124);
    const scored = await scoreFleet(fleet);
    expect(scored).toHaveLength(fleet.length);
    scored.forEach((row, index) => {
      const { score, confidence, status, contributions } = referenceScore(signals, fleet[index]!);
      closeTo(row, {
        Score: score,
        Confidence: confidence,
        Status: status,
        Contributions: contributions,
      });
      expect(row.Score).toBeGreaterThanOrEqual(0);
      expect(row.Score).toBeLessThanOrEqual(100);
      const lost = Object.values(row.Contributions).reduce((sum, points) => sum + points, 0);
      expect(Math.abs(lost - (100 - row.Score))).toBeLessThanOrEqual(TOLERANCE);
      for (const points of Object.values(row.Contributions)) {
        expect(points).toBeGreaterThanOrEqual(-TOLERANCE);
      }
    });
    expect(new Set(scored.map((row) => row.Status))).toEqual(
      new Set(['healthy', 'degraded', 'critical', 'unknown']),
    );
  });

  it('of a model with weights of its own are judged by those, and by the newest of them', async () => {
    const signals = await model();
    const client = stage.warehouse.compute;
    const values = [
      { Model: 'pump', Signal: 'disk_used_pct', Weight: 0.1, ChangedAt: 1_000 },
      { Model: 'pump', Signal: 'disk_used_pct', Weight: 0.95, ChangedAt: 2_000 },
      { Model: 'pump', Signal: 'cpu_p95_pct', Weight: 0, ChangedAt: 1_000 },
      { Model: 'valve', Signal: 'mem_used_pct', Weight: 0.2, ChangedAt: 1_000 },
    ];
    await client.insert({ table: 'flotilla_health_weights', format: 'JSONEachRow', values });
    const weights: Record<string, number> = { disk_used_pct: 0.95, cpu_p95_pct: 0 };
    const ofPump = signals.map((s) => ({ ...s, Weight: weights[s.Signal] ?? s.Weight }));
    const fleet = fleets(signals, 300, 5).filter((d) =>
      [...d.keys()].some((signal) => signal !== 'cpu_p95_pct'),
    );
    for (const [name, definition] of [
      ['pump', ofPump],
      ['other', signals],
    ] as const) {
      const scored = await scoreFleet(fleet, name);
      scored.forEach((row, index) => {
        const expected = referenceScore(definition, fleet[index]!);
        closeTo(row, {
          Score: expected.score,
          Confidence: expected.confidence,
          Status: expected.status,
          Contributions: expected.contributions,
        });
      });
    }
  });

  it('never score better when one signal gets worse', async () => {
    const signals = await model();
    const fleet = fleets(signals, 1_000, 7).filter((d) =>
      [...d.values()].some((o) => o.value !== null),
    );
    const worse = fleet.map((declared, index) => {
      const known = signals.filter((s) => typeof declared.get(s.Signal)?.value === 'number');
      const signal = known[index % known.length]!;
      const before = declared.get(signal.Signal)!;
      const step = ((index % 10) / 10) * (signal.Bad - signal.Good);
      return new Map(declared).set(signal.Signal, { ...before, value: before.value! + step });
    });
    const [first, second] = [await scoreFleet(fleet), await scoreFleet(worse)];
    second.forEach((row, i) => expect(row.Score).toBeLessThanOrEqual(first[i]!.Score + TOLERANCE));
    expect(second.some((row, i) => row.Score < first[i]!.Score - 1)).toBe(true);
  });

  it('never heal by silence', async () => {
    const signals = await model();
    const fleet = fleets(signals, 1_000, 11);
    const silent = fleet.map(
      (declared) =>
        new Map(
          [...declared].map(([signal, o]) => [
            signal,
            {
              value: signal === 'heartbeat_gap_ratio' && o.value !== null ? o.value + 3 : o.value,
              ageSeconds: o.ageSeconds + 3600,
            },
          ]),
        ),
    );
    const [first, second] = [await scoreFleet(fleet), await scoreFleet(silent)];
    second.forEach((row, i) => {
      expect(row.Score).toBeLessThanOrEqual(first[i]!.Score + TOLERANCE);
      expect(row.Confidence).toBeLessThanOrEqual(first[i]!.Confidence + TOLERANCE);
    });
  });
});
