import { Gauge, type Registry } from 'prom-client';
import type { Logger } from '@flotilla/service';
import { BackgroundRounds } from '../background-rounds.ts';
import { BreachGauges } from './breach-gauges.ts';
import { DistributionGauges } from './distribution-gauges.ts';
import { foldSeries, OTHER } from './fold-series.ts';
import type { DeviceGroupCount, RegistryFleet } from './registry-fleet.ts';
import type { WarehouseFleet } from './warehouse-fleet.ts';

export interface FleetMetricsDeps {
  readonly registryFleet: RegistryFleet;
  readonly warehouseFleet: Pick<WarehouseFleet, 'read'>;
  readonly registry: Registry;
  readonly breachLimit: number;
  readonly intervalMs: number;
  /** A device that has not polled for so long counts as silent. */
  readonly silentAfterMs: number;
  readonly clock: () => number;
  readonly logger: Logger;
}

type Source = 'registry' | 'warehouse';

/** Groups of devices with a series of their own. */
const MAX_GROUPS = 1000;
/** Older readings are taken back: an alert must not stand on what nobody knows any more. */
const MAX_AGE_MS = 300_000;

/**
 * The fleet at /metrics. Counted in the background, so that a scrape costs the same whether it comes
 * once a minute or from ten servers, and never waits for a database.
 */
export class FleetMetrics {
  readonly #deps: FleetMetricsDeps;
  readonly #breaches: BreachGauges;
  readonly #distributions: DistributionGauges;
  readonly #devices: Gauge<'model' | 'group' | 'version' | 'lifecycle'>;
  readonly #silent: Gauge<'group'>;
  readonly #active: Gauge<'group'>;
  readonly #folded: Gauge;
  readonly #updated: Gauge<'source'>;
  readonly #rounds: BackgroundRounds;
  readonly #readAtMs: Record<Source, number> = { registry: 0, warehouse: 0 };
  readonly #failing = new Set<Source>();

  constructor(deps: FleetMetricsDeps) {
    this.#deps = deps;
    const { registry, breachLimit, intervalMs } = deps;
    this.#rounds = new BackgroundRounds({ intervalMs, round: () => this.refresh() });
    this.#breaches = new BreachGauges(registry, breachLimit);
    this.#distributions = new DistributionGauges(registry);
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Gauge<L>({ name, help, labelNames, registers: [registry] });
    this.#devices = gauge('flotilla_devices', 'Registered devices', [
      'model',
      'group',
      'version',
      'lifecycle',
    ]);
    this.#active = gauge('flotilla_fleet_active_devices', 'Active devices', ['group']);
    this.#silent = gauge('flotilla_fleet_silent_devices', 'Active devices that stopped polling', [
      'group',
    ]);
    this.#folded = gauge(
      'flotilla_fleet_folded_groups',
      `Kinds of devices that are counted as "${OTHER}", being too many`,
      [],
    );
    this.#updated = gauge(
      'flotilla_fleet_metrics_updated_timestamp_seconds',
      'When the fleet was last counted, by who was asked; seconds since the epoch',
      ['source'],
    );
  }

  start(): void {
    this.#rounds.start();
  }

  /** Resolves when the count under way has ended. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Counts once. What cannot be asked keeps its last readings for a while. */
  async refresh(): Promise<void> {
    await this.#attempt('registry', () => this.#countRegistry());
    await this.#attempt('warehouse', () => this.#readWarehouse());
  }

  async #attempt(source: Source, work: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#deps;
    try {
      await work();
      this.#failing.delete(source);
      this.#readAtMs[source] = clock();
      this.#updated.set({ source }, clock() / 1000);
    } catch (err) {
      if (this.#rounds.signal.aborted) return;
      // Said once per outage.
      if (!this.#failing.has(source)) logger.warn({ err, source }, 'the fleet cannot be counted');
      this.#failing.add(source);
      if (clock() - this.#readAtMs[source] > MAX_AGE_MS) this.#clear(source);
    }
  }

  async #countRegistry(): Promise<void> {
    const { registryFleet, clock, silentAfterMs } = this.#deps;
    const counts = await registryFleet.counts();
    const silent = await registryFleet.silentSince(clock() - silentAfterMs);
    this.#clear('registry');
    const { rows, folded } = foldSeries(counts, MAX_GROUPS, nameOf, addUp);
    this.#folded.set(folded);
    for (const { devices, ...labels } of rows) this.#devices.inc(labels, devices);
    for (const row of foldSeries(silent, MAX_GROUPS, ({ group }) => group, addUpSilent).rows) {
      this.#active.set({ group: row.group }, row.devices);
      this.#silent.set({ group: row.group }, row.silent);
    }
  }

  async #readWarehouse(): Promise<void> {
    const { registryFleet, warehouseFleet } = this.#deps;
    const fleet = await warehouseFleet.read(this.#rounds.signal);
    const ids = [...new Set(fleet.breaches.map((row) => row.DeviceId))];
    const labels = await registryFleet.labelsOf(ids);
    this.#breaches.show(fleet.breaches, labels);
    this.#distributions.show(fleet.distributions, fleet.health);
  }

  #clear(source: Source): void {
    if (source === 'warehouse') {
      this.#breaches.clear();
      this.#distributions.clear();
      return;
    }
    for (const gauge of [this.#devices, this.#active, this.#silent]) gauge.reset();
  }
}

const nameOf = (row: DeviceGroupCount): string =>
  JSON.stringify([row.model, row.group, row.version, row.lifecycle]);

function addUp(sum: DeviceGroupCount, row: DeviceGroupCount): DeviceGroupCount {
  const devices = sum.devices + row.devices;
  const lifecycle = sum.lifecycle;
  return { devices, model: OTHER, group: OTHER, version: OTHER, lifecycle };
}

function addUpSilent<T extends { devices: number; silent: number }>(sum: T, row: T): T {
  return {
    ...sum,
    group: OTHER,
    devices: sum.devices + row.devices,
    silent: sum.silent + row.silent,
  };
}
