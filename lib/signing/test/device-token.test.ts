import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SignJWT } from 'jose';
import {
  DeviceTokenError,
  generateEd25519,
  issueDeviceToken,
  KeyError,
  readPrivateKey,
  readPublicKey,
  verifyDeviceToken,
} from '../src/index.ts';

const pair = generateEd25519();
const privateKey = readPrivateKey(pair.privateKeyPem);
const publicKey = readPublicKey(pair.publicKeyPem);
const identity = { deviceId: 'device-01', model: 'sensor-v1', group: 'lab' };

describe('device tokens', () => {
  it('say who the device is', async () => {
    const token = await issueDeviceToken(identity, privateKey, Date.now());
    expect(await verifyDeviceToken(token, publicKey)).toEqual(identity);
  });

  it('end when they say so', async () => {
    const expiresAtMs = 1_800_000_000_000;
    const token = await issueDeviceToken({ ...identity, expiresAtMs }, privateKey, 0);
    expect(await verifyDeviceToken(token, publicKey, expiresAtMs - 1)).toEqual({
      ...identity,
      expiresAtMs,
    });
    await expect(verifyDeviceToken(token, publicKey, expiresAtMs)).rejects.toThrow(/refused.*exp/);
  });

  it('of another key are refused', async () => {
    const other = readPrivateKey(generateEd25519().privateKeyPem);
    const token = await issueDeviceToken(identity, other, Date.now());
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow(DeviceTokenError);
  });

  it('with alg none are refused (RFC 8725, 3.1)', async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = {
      sub: 'device-01',
      model: 'm',
      group: 'g',
      iss: 'flotilla',
      aud: 'flotilla-device',
    };
    const token = `${encode({ alg: 'none' })}.${encode(claims)}.`;
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow(DeviceTokenError);
  });

  it('for another audience are refused', async () => {
    const token = await new SignJWT({ model: 'm', group: 'g' })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer('flotilla')
      .setAudience('something-else')
      .setSubject('device-01')
      .sign(privateKey);
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow(/refused/);
  });

  it.each(['', 'x', 'a.b.c', '🙂'])('that are no token are refused: %j', async (token) => {
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow(DeviceTokenError);
  });

  it('with a device id outside the alphabet are refused', async () => {
    const token = await issueDeviceToken({ ...identity, deviceId: '../x' }, privateKey, Date.now());
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow('claims are incomplete');
  });
});

describe('keys', () => {
  it('of another kind are named', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => readPublicKey(pem)).toThrow('expected an Ed25519 public key, got rsa');
  });

  it('that are no PEM are refused', () => {
    expect(() => readPrivateKey('hello')).toThrow(KeyError);
  });
});

describe('gateway tokens', () => {
  const gateway = { ...identity, gatewayFor: ['site-1-*', 'device-02'] };

  it('say whom the gateway speaks for', async () => {
    const token = await issueDeviceToken(gateway, privateKey, Date.now());
    expect(await verifyDeviceToken(token, publicKey)).toEqual(gateway);
  });

  it.each(['*', 'a*b', '', '../x'])('that speak for %j are refused', async (pattern) => {
    const wide = { ...identity, gatewayFor: [pattern] };
    const token = await issueDeviceToken(wide, privateKey, Date.now());
    await expect(verifyDeviceToken(token, publicKey)).rejects.toThrow('claims are incomplete');
  });
});
