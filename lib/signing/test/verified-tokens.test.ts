import fc from 'fast-check';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  FingerprintTable,
  generateEd25519,
  issueDeviceToken,
  readPrivateKey,
  readPublicKey,
  VerifiedTokens,
} from '../src/index.ts';

const pair = generateEd25519();
const privateKey = readPrivateKey(pair.privateKeyPem);
const publicKey = readPublicKey(pair.publicKeyPem);
const identity = { deviceId: 'device-01', model: 'sensor-v1', group: 'lab' };
const START_MS = 1_800_000_000_000;
const remembering = () => new VerifiedTokens(publicKey, 64);

const claimed = (claims: Record<string, unknown>) =>
  new SignJWT({ model: 'm', group: 'g', iss: 'flotilla', aud: 'flotilla-device', ...claims })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setSubject('device-01')
    .sign(privateKey);

describe('verified tokens', () => {
  it('name the same device again', async () => {
    const tokens = remembering();
    const gateway = { ...identity, gatewayFor: ['site-*'], expiresAtMs: START_MS + 1000 };
    const token = await issueDeviceToken(gateway, privateKey, START_MS);
    expect(tokens.identityOf(token, START_MS)).toEqual(gateway);
    expect(tokens.identityOf(token, START_MS)).toEqual(gateway);
  });

  it('end when they say so, however often they were good before', async () => {
    const tokens = remembering();
    const expiresAtMs = START_MS + 60_000;
    const token = await issueDeviceToken({ ...identity, expiresAtMs }, privateKey, START_MS);
    tokens.identityOf(token, START_MS);
    expect(tokens.identityOf(token, expiresAtMs - 1)).toMatchObject(identity);
    expect(() => tokens.identityOf(token, expiresAtMs)).toThrow(/exp/);
    expect(() => tokens.identityOf(token, expiresAtMs)).toThrow(/exp/);
  });

  it('are not trusted for a good signature under other claims', async () => {
    const tokens = remembering();
    const [head, , signature] = (await issueDeviceToken(identity, privateKey, 0)).split('.');
    tokens.identityOf(await issueDeviceToken(identity, privateKey, 0), START_MS);
    const other = await issueDeviceToken({ ...identity, deviceId: 'device-02' }, privateKey, 0);
    const forged = [head, other.split('.')[1], signature].join('.');
    expect(() => tokens.identityOf(forged, START_MS)).toThrow(/signature verification failed/);
    expect(() => tokens.identityOf(forged, START_MS)).toThrow(/signature verification failed/);
  });

  it.each([
    [{ nbf: START_MS / 1000 + 1 }, /nbf/],
    [{ exp: 'tomorrow' }, /"exp" claim must be a number/],
    [{ iat: 'today' }, /"iat" claim must be a number/],
    [{ iss: 'somebody' }, /iss/],
    [{ aud: ['a', 'b'] }, /aud/],
  ])('with %j are refused', async (claims, why) => {
    const token = await claimed(claims);
    expect(() => remembering().identityOf(token, START_MS)).toThrow(why);
  });

  it('may name several audiences and begin now', async () => {
    const token = await claimed({ aud: ['x', 'flotilla-device'], nbf: START_MS / 1000 });
    expect(remembering().identityOf(token, START_MS)).toMatchObject({ deviceId: 'device-01' });
  });

  it('that want something understood are refused (RFC 7515, 4.1.11)', async () => {
    const token = await new SignJWT({ model: 'm', group: 'g' })
      .setProtectedHeader({ alg: 'EdDSA', crit: ['b64'], b64: true })
      .setIssuer('flotilla')
      .setAudience('flotilla-device')
      .setSubject('device-01')
      .sign(privateKey);
    expect(() => remembering().identityOf(token, START_MS)).toThrow(/crit/);
  });
});

describe('a fingerprint table', () => {
  it('is a map that forgets only when it is full', () => {
    const steps = fc.array(fc.tuple(fc.string(), fc.nat(2 ** 32 - 1)), { maxLength: 8 });
    fc.assert(
      fc.property(steps, fc.string(), (sets, stranger) => {
        const table = new FingerprintTable({ capacity: 8, keyWords: 2, valueWords: 2 });
        const model = new Map<string, number>();
        for (const [text, value] of sets) {
          table.set(text, [value, value]);
          model.set(text, value);
        }
        for (const [text, value] of model) expect([...table.find(text)!]).toEqual([value, value]);
        if (!model.has(stranger)) expect(table.find(stranger)).toBeNull();
      }),
    );
  });

  it('keeps the newest when it is full', () => {
    const table = new FingerprintTable({ capacity: 16, keyWords: 4, valueWords: 1 });
    for (let i = 0; i < 1000; i += 1) {
      table.set(`text ${i}`, [i]);
      expect(table.find(`text ${i}`)?.[0]).toBe(i);
    }
    const kept = Array.from({ length: 1000 }, (_, i) => table.find(`text ${i}`)?.[0]);
    expect(kept.filter((value, i) => value === i)).toHaveLength(16);
    expect(kept.filter((value) => value !== undefined)).toHaveLength(16);
  });

  it('does not take a size it cannot address', () => {
    const make = (capacity: number) =>
      new FingerprintTable({ capacity, keyWords: 1, valueWords: 1 });
    expect(() => make(12)).toThrow(RangeError);
    expect(() => make(4)).toThrow(RangeError);
  });
});
