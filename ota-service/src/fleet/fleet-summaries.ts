import type { Kysely } from 'kysely';
import type { DeviceView, FleetSummary, HealthStatus } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { Database } from '../db/database.ts';
import { deviceView } from '../devices/device-view.ts';
import type { HealthReader } from '../devices/health-reader.ts';
import { RegistryFleet } from '../fleet-metrics/registry-fleet.ts';
import { fleetCounts } from './domain/fleet-counts.ts';
import type { FleetTelemetry, RankedDevice } from './fleet-telemetry.ts';

export interface FleetSummaryDeps {
  readonly database: Kysely<Database>;
  readonly telemetry: FleetTelemetry;
  readonly health: HealthReader;
  readonly campaigns: Pick<CampaignService, 'updatesOf'>;
  readonly clock: () => number;
  readonly logger: Logger;
}

const WORST = 20;
/** Of a larger number only the worst are put to their groups. */
const MAX_UNWELL = 5000;
/** Many people look at one page: they share an answer for so long. */
const SHARED_FOR_MS = 2000;

const ALL: readonly HealthStatus[] = ['critical', 'degraded', 'unknown', 'healthy'];

/** Answers the console's first question in bounded time, whatever the size of the fleet. */
export class FleetSummaries {
  readonly #deps: FleetSummaryDeps;
  readonly #registry: RegistryFleet;
  #shared: { readonly untilMs: number; readonly summary: Promise<FleetSummary> } | undefined;

  constructor(deps: FleetSummaryDeps) {
    this.#deps = deps;
    this.#registry = new RegistryFleet(deps.database);
  }

  summary(): Promise<FleetSummary> {
    const nowMs = this.#deps.clock();
    if (this.#shared === undefined || nowMs >= this.#shared.untilMs) {
      const summary = this.#compute(nowMs);
      this.#shared = { untilMs: nowMs + SHARED_FOR_MS, summary };
      // A failure is told to who waits for it, and not kept for who comes next.
      summary.catch(() => (this.#shared = undefined));
    }
    return this.#shared.summary;
  }

  /** Devices of a health status, the worst first. Throws when the warehouse does not answer. */
  async ofStatus(status: HealthStatus, limit: number, offset: number): Promise<DeviceView[]> {
    const ranked = await this.#deps.telemetry.worst([status], limit, offset);
    return this.#viewsOf(ranked.map(({ DeviceId }) => DeviceId));
  }

  async #compute(nowMs: number): Promise<FleetSummary> {
    const [rows, told] = await Promise.all([this.#registry.counts(), this.#told()]);
    const unwell = told?.unwell ?? [];
    const labels = await this.#registry.labelsOf(unwell.map(({ DeviceId }) => DeviceId));
    const grouped = unwell.flatMap(({ DeviceId, Status }) => {
      const group = labels.get(DeviceId)?.group;
      return group === undefined ? [] : [{ group, status: Status }];
    });
    return {
      ...fleetCounts(rows, told?.byStatus ?? null, grouped),
      groupsAreWhole: unwell.length < MAX_UNWELL,
      worst: await this.#worst(told?.worst ?? []),
      computedAt: new Date(nowMs).toISOString(),
    };
  }

  /** Null when the warehouse does not answer: the registry's part is still worth showing. */
  async #told() {
    const { telemetry, logger } = this.#deps;
    try {
      const [byStatus, unwell, worst] = await Promise.all([
        telemetry.countByStatus(),
        telemetry.worst(['critical', 'degraded'], MAX_UNWELL, 0),
        telemetry.worst(ALL, WORST, 0),
      ]);
      return { byStatus, unwell, worst };
    } catch (err) {
      logger.warn({ err }, 'the warehouse gives no health of the fleet');
      return null;
    }
  }

  /** A small fleet is shown whole: devices without telemetry come last. */
  async #worst(ranked: readonly RankedDevice[]): Promise<DeviceView[]> {
    const ids = ranked.map(({ DeviceId }) => DeviceId);
    if (ids.length < WORST) {
      const rest = await this.#deps.database
        .selectFrom('devices')
        .select('id')
        .where('lifecycle', '!=', 'retired')
        .$if(ids.length > 0, (query) => query.where('id', 'not in', ids))
        .orderBy('id')
        .limit(WORST - ids.length)
        .execute();
      ids.push(...rest.map(({ id }) => id));
    }
    return this.#viewsOf(ids);
  }

  async #viewsOf(ids: readonly string[]): Promise<DeviceView[]> {
    if (ids.length === 0) return [];
    const { database, campaigns, health } = this.#deps;
    const [rows, updates, healths] = await Promise.all([
      database
        .selectFrom('devices')
        .selectAll()
        .where('id', 'in', ids)
        .where('lifecycle', '!=', 'retired')
        .execute(),
      campaigns.updatesOf(ids, 1),
      health.healthOf(ids),
    ]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      if (row === undefined) return [];
      return [deviceView(row, healths.get(id) ?? null, updates.get(id)?.[0] ?? null)];
    });
  }
}
