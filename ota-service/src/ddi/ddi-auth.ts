import type { FastifyRequest } from 'fastify';
import { matchesDevicePattern } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { DeviceIdentity, VerifiedTokens } from '@flotilla/signing';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { identityOf, registeredDevice } from '../http/device-auth.ts';

/**
 * The registered device a DDI request speaks for: by its own token (`TargetToken`), or by the token of
 * a gateway that may speak for it (`GatewayToken`). Both carry a Flotilla device token. Throws
 * `unauthenticated`, or `forbidden` for another device's path and for a retired device.
 */
export async function authenticateController(
  request: FastifyRequest,
  controllerId: string,
  store: DeviceStore,
  tokens: VerifiedTokens,
): Promise<DeviceRow> {
  const identity = identityOf(controllerToken(request), tokens, Date.now());
  if (!speaksFor(identity, controllerId)) {
    throw new ProblemError('forbidden', {
      detail: `the token of ${identity.deviceId} does not speak for ${controllerId}`,
    });
  }
  return registeredDevice(controllerId, store);
}

function controllerToken(request: FastifyRequest): string {
  const match = /^(TargetToken|GatewayToken) +([A-Za-z0-9._~+/-]+=*) *$/.exec(
    request.headers.authorization ?? '',
  );
  const token = match?.[2];
  if (token !== undefined) return token;
  throw new ProblemError('unauthenticated', {
    detail: 'an Authorization header with a TargetToken or a GatewayToken is needed',
  });
}

function speaksFor(identity: DeviceIdentity, controllerId: string): boolean {
  if (identity.deviceId === controllerId) return true;
  return (identity.gatewayFor ?? []).some((pattern) => matchesDevicePattern(pattern, controllerId));
}
