import type { KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@flotilla/service';
import { DeviceTokenError, verifyDeviceToken, type DeviceIdentity } from '@flotilla/signing';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { bearerToken } from './bearer-token.ts';

/**
 * The registered device that a request comes from. Throws `unauthenticated` when the token is not
 * valid or names no device, `forbidden` when the device is retired.
 */
export async function authenticateDevice(
  request: FastifyRequest,
  store: DeviceStore,
  publicKey: KeyObject,
): Promise<DeviceRow> {
  const { deviceId } = await verify(bearerToken(request), publicKey);
  const device = await store.byId(deviceId);
  if (device === undefined) {
    throw new ProblemError('unauthenticated', { detail: `there is no device ${deviceId}` });
  }
  if (device.lifecycle === 'retired') {
    throw new ProblemError('forbidden', { detail: `the device ${deviceId} is retired` });
  }
  return device;
}

async function verify(token: string, publicKey: KeyObject): Promise<DeviceIdentity> {
  try {
    return await verifyDeviceToken(token, publicKey);
  } catch (error) {
    if (!(error instanceof DeviceTokenError)) throw error;
    throw new ProblemError('unauthenticated', { detail: error.message, cause: error });
  }
}
