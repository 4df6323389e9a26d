import { ProblemError } from '@flotilla/service';
import type { Credentials } from '../receive/export-request.ts';
import type { Caller } from './caller.ts';
import type { Denylist } from './denylist.ts';
import type { DeviceTokens } from './device-tokens.ts';

/**
 * Identity from a client certificate, a device token, or both, which then must agree. Throws
 * ProblemError `unauthenticated`, or `forbidden` when they name two devices or one that is not let in.
 */
export function createAuthenticate(
  tokens: DeviceTokens,
  requireCertificate: boolean,
  denylist: Pick<Denylist, 'refuse'>,
): (credentials: Credentials) => Caller | Promise<Caller> {
  const identify = createIdentify(tokens, requireCertificate);
  const admitted = (caller: Caller): Caller => {
    denylist.refuse(caller.deviceId);
    return caller;
  };
  return (credentials) => {
    const caller = identify(credentials);
    return caller instanceof Promise ? caller.then(admitted) : admitted(caller);
  };
}

function createIdentify(
  tokens: DeviceTokens,
  requireCertificate: boolean,
): (credentials: Credentials) => Caller | Promise<Caller> {
  return ({ authorization, certificateDeviceId }) => {
    if (certificateDeviceId === null && requireCertificate) {
      throw new ProblemError('unauthenticated', { detail: 'a client certificate is required' });
    }
    if (certificateDeviceId !== null && authorization === undefined) {
      return { deviceId: certificateDeviceId, gatewayFor: null };
    }
    const caller = tokens.known(authorization) ?? tokens.authenticate(authorization);
    if (certificateDeviceId === null) return caller;
    return agree(caller, certificateDeviceId);
  };
}

async function agree(
  tokenCaller: Caller | Promise<Caller>,
  certificateDeviceId: string,
): Promise<Caller> {
  const caller = await tokenCaller;
  if (certificateDeviceId !== caller.deviceId) {
    throw new ProblemError('forbidden', {
      detail: `the certificate belongs to ${certificateDeviceId}, the token to ${caller.deviceId}`,
    });
  }
  return caller;
}
