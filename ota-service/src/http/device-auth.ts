import { ProblemError } from '@flotilla/service';
import { DeviceTokenError, type DeviceIdentity, type VerifiedTokens } from '@flotilla/signing';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';

/** Whom the token names; throws `unauthenticated` when it is not valid. */
export function identityOf(token: string, tokens: VerifiedTokens, nowMs: number): DeviceIdentity {
  try {
    return tokens.identityOf(token, nowMs);
  } catch (error) {
    if (!(error instanceof DeviceTokenError)) throw error;
    throw new ProblemError('unauthenticated', { detail: error.message, cause: error });
  }
}

/** Throws `unauthenticated` when there is no such device, `forbidden` when it is retired. */
export async function registeredDevice(deviceId: string, store: DeviceStore): Promise<DeviceRow> {
  const device = await store.byId(deviceId);
  if (device === undefined) {
    throw new ProblemError('unauthenticated', { detail: `there is no device ${deviceId}` });
  }
  if (device.lifecycle === 'retired') {
    throw new ProblemError('forbidden', { detail: `the device ${deviceId} is retired` });
  }
  return device;
}
