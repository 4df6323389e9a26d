import { createPublicKey } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { VerifiedTokens } from '@flotilla/signing';
import { ArtifactFingerprints } from './ddi/artifact-fingerprints.ts';
import { DdiActionStore } from './ddi/ddi-action-store.ts';
import { DdiDevices } from './ddi/ddi-devices.ts';
import { registerDdiRoutes } from './ddi/ddi-routes.ts';
import { DevicePolls } from './devices/device-polls.ts';
import type { IdentityServices } from './identity-services.ts';
import { registerClaimRoutes } from './provisioning/claim-routes.ts';
import { isDownloadable } from './firmware/downloadable.ts';
import type { ArtifactRouteDeps } from './http/artifact-route.ts';
import { registerDeviceRoutes } from './http/device-routes.ts';
import type { OtaServiceDeps, Parts } from './ota-service.ts';
import { newRandomActionId } from './random-id.ts';
import { TrustStore } from './trust/trust-store.ts';

/** What both ways in share: one memory of verified tokens, one answer to a poll. */
export type DeviceApiDeps = OtaServiceDeps &
  Parts &
  IdentityServices & { readonly polls: DevicePolls; readonly tokens: VerifiedTokens } & Pick<
    ArtifactRouteDeps,
    'isDownloadable'
  >;

export function deviceApiDeps(
  deps: OtaServiceDeps,
  parts: Parts,
  identity: IdentityServices,
): DeviceApiDeps {
  return {
    ...deps,
    ...parts,
    ...identity,
    polls: new DevicePolls({ ...parts, ...deps, ...identity, pollMs: deps.devicePollMs }),
    tokens: new VerifiedTokens(createPublicKey(deps.deviceTokenKey)),
    isDownloadable: (sha256, model) => isDownloadable(deps.database, sha256, model),
  };
}

/** Our own agent's API. */
export function registerDeviceApi(app: FastifyInstance, deps: DeviceApiDeps): void {
  registerDeviceRoutes(app, { ...deps, metadata: new TrustStore(deps.database) });
}

/** The same campaigns for devices that speak hawkBit's DDI. */
export function registerDdiApi(app: FastifyInstance, deps: DeviceApiDeps): void {
  registerDdiRoutes(app, {
    ...deps,
    ddi: new DdiDevices({
      ...deps,
      actions: new DdiActionStore(deps.database),
      newActionId: newRandomActionId,
    }),
    fingerprints: new ArtifactFingerprints(deps.artifacts),
    pollMs: deps.devicePollMs,
  });
}

/** How new devices come by their certificates; nothing without an authority. */
export function registerClaimApi(app: FastifyInstance, deps: DeviceApiDeps): void {
  const { authority } = deps;
  if (authority !== null) registerClaimRoutes(app, { ...deps, claims: authority.claims });
}
