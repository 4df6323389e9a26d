import { readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { includesGroup, type Campaign } from './domain/campaign.ts';
import type { ControlObservation, CrashedDevice, Stratum } from './domain/gates/control-gate.ts';
import { modelPages } from './model-pages.ts';

/** Reading may cost at most one part in this many of the time. */
const REST_FACTOR = 20;
/** Records travel a while; what is younger might yet come in another order. */
const SETTLING_MS = 5000;

const query = readFileSync(new URL('../../sql/firmware-crashes.sql', import.meta.url), 'utf8');

/** 64-bit numbers may come quoted. */
const rowSchema = z.object({
  DeviceId: z.string(),
  UpdatedCrashAtMs: z.coerce.number(),
  OtherCrashAtMs: z.coerce.number(),
});
type CrashRow = z.infer<typeof rowSchema>;

interface Taken {
  readonly control: ControlObservation | null;
  readonly round: number;
  readonly takenAtMs: number;
  readonly validUntilMs: number;
}

/**
 * Who crashed, from the warehouse, beside who could have, from the registry. The registry is walked
 * only when there is something to compare: a crash on the new version, or a failed update.
 */
export class ControlReader {
  readonly #warehouse: ClickHouseClient;
  readonly #database: Kysely<Database>;
  readonly #clock: () => number;
  readonly #taken = new Map<string, Taken>();

  constructor(warehouse: ClickHouseClient, database: Kysely<Database>, clock: () => number) {
    this.#warehouse = warehouse;
    this.#database = database;
    this.#clock = clock;
  }

  /** Null when nothing speaks against the firmware, so that there is nothing to compare. */
  async read(
    campaign: Campaign,
    nowMs: number,
    options: { readonly hasFailures: boolean; readonly signal: AbortSignal },
  ): Promise<ControlObservation | null> {
    const startedAtMs = this.#clock();
    const known = this.#taken.get(campaign.id);
    const isKnown = known?.round === campaign.round && isValid(known, startedAtMs);
    if (isKnown && (known.control !== null || !options.hasFailures)) return known.control;
    const fromMs = await this.#roundStart(campaign);
    const rows = await this.#crashes(campaign, fromMs, nowMs - SETTLING_MS, options.signal);
    const speaks = options.hasFailures || rows.some((row) => row.UpdatedCrashAtMs > 0);
    const control = speaks ? await this.#walk(campaign, rows) : null;
    const endedAtMs = this.#clock();
    const validUntilMs = endedAtMs + REST_FACTOR * (endedAtMs - startedAtMs);
    const { round } = campaign;
    this.#taken.set(campaign.id, { control, round, takenAtMs: endedAtMs, validUntilMs });
    return control;
  }

  /** Forgets the campaigns that are over. */
  keepOnly(campaignIds: ReadonlySet<string>): void {
    for (const id of this.#taken.keys()) if (!campaignIds.has(id)) this.#taken.delete(id);
  }

  /** A resume starts afresh: what crashed before it was judged before it. */
  async #roundStart(campaign: Campaign): Promise<number> {
    if (campaign.round === 1) return campaign.createdAtMs;
    const row = await this.#database
      .selectFrom('campaign_events')
      .select(({ fn }) => fn.max<number | string | null>('at_ms').as('at_ms'))
      .where('campaign_id', '=', campaign.id)
      .where('event', '=', 'resumed')
      .executeTakeFirst();
    return Number(row?.at_ms ?? campaign.createdAtMs);
  }

  async #crashes(
    campaign: Campaign,
    fromMs: number,
    toMs: number,
    signal: AbortSignal,
  ): Promise<CrashRow[]> {
    if (toMs <= fromMs) return [];
    const { model, version } = campaign;
    const result = await this.#warehouse.query({
      query,
      format: 'JSONEachRow',
      abort_signal: signal,
      query_params: { model, version, from_ms: fromMs, to_ms: toMs },
    });
    return z.array(rowSchema).parse(await result.json());
  }

  async #walk(campaign: Campaign, rows: readonly CrashRow[]): Promise<ControlObservation> {
    const crashes = new Map(rows.map((row) => [row.DeviceId, row]));
    const crashed: CrashedDevice[] = [];
    const strata = new Map<string, { devices: number; offeredAtMs: number[] }>();
    for await (const { after, last, devices } of modelPages(this.#database, campaign.model)) {
      const offers = await this.#offersBetween(campaign.id, after, last);
      for (const { id, group, lifecycle } of devices) {
        if (lifecycle === 'retired' || !includesGroup(campaign.groups, group)) continue;
        const offeredAtMs = offers.get(id) ?? null;
        const row = crashes.get(id);
        const stratum = strata.get(group) ?? { devices: 0, offeredAtMs: [] };
        strata.set(group, stratum);
        if (row !== undefined) crashed.push(crashedDevice(id, group, offeredAtMs, row));
        else {
          stratum.devices += 1;
          if (offeredAtMs !== null) stratum.offeredAtMs.push(offeredAtMs);
        }
      }
    }
    return { strata: stratumList(strata), crashed };
  }

  async #offersBetween(
    campaignId: string,
    after: string,
    last: string,
  ): Promise<Map<string, number>> {
    const rows = await this.#database
      .selectFrom('update_attempts')
      .select(({ fn }) => ['device_id', fn.min<number | string>('started_at_ms').as('at_ms')])
      .where('campaign_id', '=', campaignId)
      .where('device_id', '>', after)
      .where('device_id', '<=', last)
      .groupBy('device_id')
      .execute();
    return new Map(rows.map((row) => [row.device_id, Number(row.at_ms)]));
  }
}

/** A clock that was set back must not keep what is old. */
function isValid({ takenAtMs, validUntilMs }: Taken, nowMs: number): boolean {
  return nowMs >= takenAtMs && nowMs < validUntilMs;
}

function crashedDevice(
  id: string,
  group: string,
  offeredAtMs: number | null,
  row: CrashRow,
): CrashedDevice {
  const orNull = (atMs: number): number | null => (atMs === 0 ? null : atMs);
  return {
    id,
    group,
    offeredAtMs,
    updatedCrashAtMs: orNull(row.UpdatedCrashAtMs),
    otherCrashAtMs: orNull(row.OtherCrashAtMs),
  };
}

function stratumList(
  strata: ReadonlyMap<string, { devices: number; offeredAtMs: readonly number[] }>,
): Stratum[] {
  return [...strata].map(([group, { devices, offeredAtMs }]) => ({
    group,
    devices,
    offeredAtMs: Float64Array.from(offeredAtMs).sort(),
  }));
}
