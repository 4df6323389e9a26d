import { Gauge, type Registry } from 'prom-client';
import type { BreachRow } from './warehouse-fleet.ts';

/** Signal of the health model → metric, in base units; see pipeline/sql/health/device-signals-latest.sql. */
const METRICS = {
  cpu_p95_pct: ['cpu_utilization_ratio', '95th percentile of its processor use in 15 minutes'],
  mem_used_pct: ['memory_utilization_ratio', 'Used memory'],
  disk_used_pct: ['filesystem_utilization_ratio', 'Fill of its fullest file system'],
  temp_headroom_c: ['temperature_celsius', 'Its hottest sensor'],
  heartbeat_gap_ratio: ['silent_seconds', 'Time since its last telemetry'],
  crashes_24h: ['crashes', 'Crashes of its firmware in the last day it was heard of'],
  unexpected_reboots_24h: ['unexpected_reboots', 'Boots without an update in that day'],
  error_log_z: [
    'error_log_deviations',
    'Errors of an hour above the usual, in standard deviations',
  ],
  update_failures_7d: ['update_failures', 'Updates that failed or were rolled back in a week'],
  battery_soh_pct: ['battery_health_ratio', 'Capacity of its battery over what it had when new'],
  flash_life_used_pct: [
    'flash_life_used_ratio',
    'Share of the write cycles its flash was made for',
  ],
  rssi_dbm: ['rssi_dbm', 'Signal strength of its radio'],
  packet_loss_pct: ['packet_loss_ratio', 'Packets lost or in error'],
  disk_full_eta_days: ['disk_full_seconds', 'Time until its file system is full, if it goes on so'],
} as const;

export interface DeviceLabels {
  readonly model: string;
  readonly group: string;
}

/**
 * The only series with a device's name: devices beyond the good range of a signal, at most so many of
 * each, the worst ones. How many there are in all is shown beside them.
 */
export class BreachGauges {
  readonly #readings = new Map<string, Gauge>();
  readonly #inBreach: Gauge<'signal'>;

  constructor(registry: Registry, limit: number) {
    const registers = [registry];
    for (const [signal, [name, help]] of Object.entries(METRICS)) {
      const gauge = new Gauge({
        name: `flotilla_device_${name}`,
        help: `${help}; only of devices in breach`,
        labelNames: ['device', 'model', 'group'],
        registers,
      });
      this.#readings.set(signal, gauge);
    }
    this.#inBreach = new Gauge({
      name: 'flotilla_devices_in_breach',
      help: 'Devices beyond the good range of a signal, with a series of their own or without',
      labelNames: ['signal'],
      registers,
    });
    new Gauge({
      name: 'flotilla_breach_series_limit',
      help: 'Devices in breach of one signal that have a series of their own at most',
      registers,
    }).set(limit);
  }

  /** Replaces what was shown before. Devices without labels are left out: nobody looks after them. */
  show(rows: readonly BreachRow[], labels: ReadonlyMap<string, DeviceLabels>): void {
    this.clear();
    for (const signal of this.#readings.keys()) this.#inBreach.set({ signal }, 0);
    for (const { Signal: signal, DeviceId: device, Reading, InBreach } of rows) {
      const gauge = this.#readings.get(signal);
      if (gauge === undefined) continue;
      this.#inBreach.set({ signal }, InBreach);
      const of = labels.get(device);
      if (of !== undefined) gauge.set({ device, ...of }, Reading);
    }
  }

  clear(): void {
    this.#inBreach.reset();
    for (const gauge of this.#readings.values()) gauge.reset();
  }
}
