import { describe, expect, it } from 'vitest';
import {
  generateEd25519,
  issueDeviceToken,
  readPrivateKey,
  readPublicKey,
} from '@flotilla/signing';
import { DeviceTokens } from '../../src/admit/device-tokens.ts';
import { tokenFor } from '../testing/collector-harness.ts';

const keys = generateEd25519();

function create(): DeviceTokens {
  return new DeviceTokens(readPublicKey(keys.publicKeyPem), () => 0);
}

describe('DeviceTokens', () => {
  it('names the device, whatever the case of the scheme, again and again', async () => {
    const tokens = create();
    const token = await tokenFor('d-1', keys.privateKeyPem);
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer']) {
      expect(await tokens.authenticate(`${scheme} ${token}`)).toMatchObject({ deviceId: 'd-1' });
    }
  });

  it('remembers an accepted header until its token ends', async () => {
    let nowMs = 0;
    const tokens = new DeviceTokens(readPublicKey(keys.publicKeyPem), () => nowMs);
    const identity = { deviceId: 'd-1', model: 'm', group: 'g', expiresAtMs: 60_000 };
    const token = await issueDeviceToken(identity, readPrivateKey(keys.privateKeyPem), 0);
    expect(tokens.known(`Bearer ${token}`)).toBeUndefined();
    await tokens.authenticate(`Bearer ${token}`);
    nowMs = 59_999;
    expect(tokens.known(`Bearer ${token}`)).toEqual({ deviceId: 'd-1', gatewayFor: null });
    expect(tokens.known(`Bearer ${token}x`)).toBeUndefined();
    nowMs = 60_000;
    expect(tokens.known(`Bearer ${token}`)).toBeUndefined();
    await expect(tokens.authenticate(`Bearer ${token}`)).rejects.toMatchObject({ status: 401 });
  });

  it('forgets the one unused longest when there are too many', async () => {
    const tokens = new DeviceTokens(readPublicKey(keys.publicKeyPem), () => 0, 2);
    const headers = await Promise.all(
      ['a', 'b', 'c'].map(async (id) => `Bearer ${await tokenFor(id, keys.privateKeyPem)}`),
    );
    for (const header of [headers[0], headers[1], headers[2]]) {
      await tokens.authenticate(header);
      tokens.known(headers[0]);
    }
    const known = headers.map((header) => tokens.known(header)?.deviceId);
    expect(known).toEqual(['a', undefined, 'c']);
  });

  it('never lets a known token vouch for a changed one', async () => {
    const tokens = create();
    const token = await tokenFor('d-1', keys.privateKeyPem);
    await tokens.authenticate(`Bearer ${token}`);
    const [header, , signature] = token.split('.');
    const claims = { sub: 'd-2', model: 'm', group: 'g', iss: 'flotilla', aud: 'flotilla-device' };
    const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    const attempts = [
      `${header!}.${forged}.${signature!}`,
      `${unsigned}.${forged}.`,
      `${token}x`,
      token.slice(0, -2),
    ];
    for (const attempt of attempts) {
      await expect(tokens.authenticate(`Bearer ${attempt}`)).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    }
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    `Bearer ${'a'.repeat(5000)}`,
    'Bearer a b',
  ])('refuses %j', async (authorization) => {
    await expect(create().authenticate(authorization)).rejects.toMatchObject({ status: 401 });
  });
});
