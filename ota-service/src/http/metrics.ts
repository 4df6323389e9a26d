import type { FastifyInstance } from 'fastify';
import { Gauge, Histogram, type Registry } from 'prom-client';
import { DELTA_STATES } from '@flotilla/contracts';
import type { DeltaStore } from '../delta/delta-store.ts';
import type { DeviceStore } from '../devices/device-store.ts';
import type { FirmwareStore } from '../firmware/firmware-store.ts';

export interface RegistryMetricsDeps {
  readonly devices: DeviceStore;
  readonly firmware: FirmwareStore;
  readonly deltas: DeltaStore;
}

/** What the registry holds, counted when Prometheus asks. */
export function registerRegistryMetrics(registry: Registry, deps: RegistryMetricsDeps): void {
  new Gauge({
    name: 'flotilla_devices_withheld',
    help: 'Devices that a campaign has a firmware for and the registry holds it back, by reason',
    labelNames: ['model', 'reason'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { count, ...labels } of await deps.devices.countWithheld())
        this.set(labels, count);
    },
  });
  new Gauge({
    name: 'flotilla_artifacts_bytes',
    help: 'Bytes of stored artifacts, by kind: the artifact itself, its compressed form, deltas',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      for (const [kind, bytes] of await deps.firmware.storedBytes()) this.set({ kind }, bytes);
    },
  });
  new Gauge({
    name: 'flotilla_delta_jobs',
    help: 'Deltas by state; pending ones wait or are being computed',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const counts = await deps.deltas.countByState();
      for (const state of DELTA_STATES) this.set({ state }, counts.get(state) ?? 0);
    },
  });
}

/** Times every request, by the route's pattern so that ids do not become labels. */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: 'flotilla_http_request_duration_seconds',
    help: 'From the first byte of the request to the last of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [registry],
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    duration.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    done();
  });
}
