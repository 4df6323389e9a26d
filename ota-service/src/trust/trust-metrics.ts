import { TRUST_ROLES } from '@flotilla/trust';
import { Gauge, type Registry } from 'prom-client';
import type { TrustStore } from './trust-store.ts';

/** An expired root or targets stops every update, and only people can sign new ones: watch these. */
export function registerTrustMetrics(registry: Registry, store: TrustStore): void {
  new Gauge({
    name: 'flotilla_tuf_expires_timestamp_seconds',
    help: 'When the current metadata of each TUF role expires, seconds since the epoch',
    labelNames: ['role'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const role of TRUST_ROLES) {
        const metadata = await store.current(role);
        if (metadata !== null) this.set({ role }, Date.parse(metadata.signed.expires) / 1000);
      }
    },
  });
}
