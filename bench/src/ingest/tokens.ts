import { readFileSync } from 'node:fs';
import { sign } from 'node:crypto';
import { readPrivateKey } from '@flotilla/signing';
import type { LoadPlan } from './load-generator.ts';
import { DEVICE_PREFIX, deviceId, type Shape } from './workload.ts';

/**
 * Tokens as ota-service issues them (JWT, RFC 7519, signed EdDSA, RFC 8037): one for each device, or
 * one gateway's for all. They are signed here, since a hundred thousand are needed at once.
 */
export function signTokens(
  privateKeyFile: string,
  shape: Shape,
  devices: number,
): NonNullable<LoadPlan['tokenFor']> {
  const key = readPrivateKey(readFileSync(privateKeyFile, 'utf8'));
  const issue = (claims: Readonly<Record<string, unknown>>): string => {
    const text = [
      { alg: 'EdDSA' },
      { iss: 'flotilla', aud: 'flotilla-device', model: 'm1', group: 'default', ...claims },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signed = text.join('.');
    return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
  };
  if (shape.devicesPerRequest > 1) {
    const token = issue({ sub: 'gateway', flotilla_gateway: { devices: [`${DEVICE_PREFIX}*`] } });
    return () => token;
  }
  const tokens = Array.from({ length: devices }, (_, i) => issue({ sub: deviceId(i) }));
  return (device) => tokens[device] ?? '';
}
