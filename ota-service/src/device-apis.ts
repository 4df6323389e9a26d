import { createPublicKey } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { ArtifactFingerprints } from './ddi/artifact-fingerprints.ts';
import { DdiActionStore } from './ddi/ddi-action-store.ts';
import { DdiDevices } from './ddi/ddi-devices.ts';
import { registerDdiRoutes } from './ddi/ddi-routes.ts';
import { DevicePolls } from './devices/device-polls.ts';
import { isDownloadable } from './firmware/downloadable.ts';
import { registerDeviceRoutes } from './http/device-routes.ts';
import type { OtaServiceDeps, Parts } from './ota-service.ts';
import { newRandomActionId } from './random-id.ts';
import { TrustStore } from './trust/trust-store.ts';

type DeviceApiDeps = OtaServiceDeps & Parts & { readonly polls: DevicePolls };

export function createPolls(deps: OtaServiceDeps, parts: Parts): DevicePolls {
  return new DevicePolls({ ...parts, ...deps, pollMs: deps.devicePollMs });
}

/** Our own agent's API. */
export function registerDeviceApi(app: FastifyInstance, deps: DeviceApiDeps): void {
  registerDeviceRoutes(app, {
    ...deps,
    ...shared(deps),
    metadata: new TrustStore(deps.database),
  });
}

/** The same campaigns for devices that speak hawkBit's DDI. */
export function registerDdiApi(app: FastifyInstance, deps: DeviceApiDeps): void {
  registerDdiRoutes(app, {
    ...deps,
    ...shared(deps),
    ddi: new DdiDevices({
      ...deps,
      actions: new DdiActionStore(deps.database),
      newActionId: newRandomActionId,
    }),
    fingerprints: new ArtifactFingerprints(deps.artifacts),
    pollMs: deps.devicePollMs,
  });
}

function shared(deps: DeviceApiDeps) {
  return {
    isDownloadable: (sha256: string, model: string) => isDownloadable(deps.database, sha256, model),
    deviceTokenPublicKey: createPublicKey(deps.deviceTokenKey),
  };
}
