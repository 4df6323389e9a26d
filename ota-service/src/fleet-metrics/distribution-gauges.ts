import { Gauge, type Registry } from 'prom-client';
import { foldSeries, OTHER } from './fold-series.ts';
import type { DistributionRow, FleetHealthRow } from './warehouse-fleet.ts';

const METRICS = {
  cpu_p95_pct: ['cpu_utilization_ratio', 'processor use'],
  mem_used_pct: ['memory_utilization_ratio', 'used memory'],
  disk_used_pct: ['filesystem_utilization_ratio', 'fill of the fullest file system'],
  temp_headroom_c: ['temperature_celsius', 'temperature of the hottest sensor'],
  health_score: ['health_score', 'health from 0 to 100'],
} as const;

interface Distribution {
  readonly bucket: Gauge<'model' | 'version' | 'le'>;
  readonly count: Gauge<'model' | 'version'>;
  readonly sum: Gauge<'model' | 'version'>;
}

interface Series {
  readonly devices: number;
  readonly model: string;
  readonly version: string;
}

/** Models with versions that have series of their own; the smaller ones are shown as one. */
export const MAX_VERSIONS = 50;

/**
 * How the fleet's readings are spread now, as histogram_quantile() reads it. They are gauges: a device
 * moves from one bucket to another, and nothing here counts up for ever.
 */
export class DistributionGauges {
  readonly #distributions = new Map<string, Distribution>();
  readonly #health: Gauge<'model' | 'version' | 'status'>;
  readonly #folded: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Gauge<L>({ name: `flotilla_fleet_${name}`, help, labelNames, registers });
    for (const [signal, [name, what]] of Object.entries(METRICS)) {
      this.#distributions.set(signal, {
        bucket: gauge(`${name}_bucket`, `Devices by ${what}, up to le`, ['model', 'version', 'le']),
        count: gauge(`${name}_count`, `Devices with a known ${what}`, ['model', 'version']),
        sum: gauge(`${name}_sum`, `Sum over devices: ${what}`, ['model', 'version']),
      });
    }
    this.#health = gauge('health_devices', 'Devices by the status of their health', [
      'model',
      'version',
      'status',
    ]);
    this.#folded = gauge(
      'folded_versions',
      `Models with versions that are shown as "${OTHER}", being too many`,
      [],
    );
  }

  /** Replaces what was shown before. */
  show(rows: readonly DistributionRow[], health: readonly FleetHealthRow[]): void {
    this.clear();
    const kept = this.#keep(health);
    for (const row of health) {
      const { model, version } = kept(row.Model, row.FirmwareVersion);
      this.#health.inc({ model, version, status: row.Status }, row.Devices);
    }
    for (const row of rows) {
      const shown = this.#distributions.get(row.Signal);
      if (shown === undefined) continue;
      const labels = kept(row.Model, row.FirmwareVersion);
      row.Bounds.forEach((bound, i) =>
        shown.bucket.inc({ ...labels, le: String(bound) }, row.AtMost[i] ?? 0),
      );
      shown.bucket.inc({ ...labels, le: '+Inf' }, row.Devices);
      shown.count.inc(labels, row.Devices);
      shown.sum.inc(labels, row.Total);
    }
  }

  clear(): void {
    this.#health.reset();
    for (const { bucket, count, sum } of this.#distributions.values()) {
      for (const gauge of [bucket, count, sum]) gauge.reset();
    }
  }

  /** Which labels a model and version are shown under. */
  #keep(health: readonly FleetHealthRow[]) {
    const devices = new Map<string, Series>();
    const keyOf = (model: string, version: string) => JSON.stringify([model, version]);
    for (const { Model: model, FirmwareVersion: version, Devices } of health) {
      const key = keyOf(model, version);
      const before = devices.get(key)?.devices ?? 0;
      devices.set(key, { devices: before + Devices, model, version });
    }
    const { rows, folded } = foldSeries(
      [...devices.values()],
      MAX_VERSIONS,
      (row) => keyOf(row.model, row.version),
      (sum, row) => ({ devices: sum.devices + row.devices, model: OTHER, version: OTHER }),
    );
    this.#folded.set(folded);
    const known = new Set(rows.map((row) => keyOf(row.model, row.version)));
    return (model: string, version: string) =>
      known.has(keyOf(model, version)) ? { model, version } : { model: OTHER, version: OTHER };
  }
}
