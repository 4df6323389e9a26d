import type { KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { matchesDevicePattern } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { DeviceTokenError, verifyDeviceToken, type DeviceIdentity } from '@flotilla/signing';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';

/**
 * The registered device a DDI request speaks for: by its own token (`TargetToken`), or by the token of
 * a gateway that may speak for it (`GatewayToken`). Both carry a Flotilla device token. Throws
 * `unauthenticated`, or `forbidden` for another device's path and for a retired device.
 */
export async function authenticateController(
  request: FastifyRequest,
  controllerId: string,
  store: DeviceStore,
  publicKey: KeyObject,
): Promise<DeviceRow> {
  const identity = await identityOf(request, publicKey);
  if (!speaksFor(identity, controllerId)) {
    throw new ProblemError('forbidden', {
      detail: `the token of ${identity.deviceId} does not speak for ${controllerId}`,
    });
  }
  const device = await store.byId(controllerId);
  if (device === undefined) {
    throw new ProblemError('unauthenticated', { detail: `there is no device ${controllerId}` });
  }
  if (device.lifecycle === 'retired') {
    throw new ProblemError('forbidden', { detail: `the device ${controllerId} is retired` });
  }
  return device;
}

async function identityOf(request: FastifyRequest, publicKey: KeyObject): Promise<DeviceIdentity> {
  const match = /^(TargetToken|GatewayToken) +([A-Za-z0-9._~+/-]+=*) *$/.exec(
    request.headers.authorization ?? '',
  );
  const token = match?.[2];
  if (token === undefined) {
    throw new ProblemError('unauthenticated', {
      detail: 'an Authorization header with a TargetToken or a GatewayToken is needed',
    });
  }
  try {
    return await verifyDeviceToken(token, publicKey);
  } catch (error) {
    if (!(error instanceof DeviceTokenError)) throw error;
    throw new ProblemError('unauthenticated', { detail: error.message, cause: error });
  }
}

function speaksFor(identity: DeviceIdentity, controllerId: string): boolean {
  if (identity.deviceId === controllerId) return true;
  return (identity.gatewayFor ?? []).some((pattern) => matchesDevicePattern(pattern, controllerId));
}
