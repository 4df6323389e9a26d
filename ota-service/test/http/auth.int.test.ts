import { generateEd25519, issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR_TOKEN, startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

let ota: OtaHarness;
beforeAll(async () => {
  ota = await startHarness();
});
afterAll(() => ota.close());

const OPERATOR_CALLS = [
  ['GET', '/api/v1/status'],
  ['GET', '/api/v1/devices'],
  ['POST', '/api/v1/devices'],
  ['GET', '/api/v1/devices/dev-1'],
  ['GET', '/api/v1/firmware'],
  ['POST', '/api/v1/firmware'],
  ['GET', '/api/v1/firmware/fw_000000000000'],
  ['PUT', '/api/v1/tuf/targets'],
] as const;
const DEVICE_CALLS = [
  ['POST', '/device/v1/poll'],
  ['POST', '/device/v1/reports'],
  ['GET', `/device/v1/artifacts/${'a'.repeat(64)}`],
] as const;

async function expectStatus(call: Promise<Response>, status: number): Promise<void> {
  const answer = await call;
  expect(answer.status).toBe(status);
  const code = status === 401 ? 'unauthenticated' : 'forbidden';
  expect(await answer.json()).toMatchObject({ code });
  expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
}

describe.each(OPERATOR_CALLS)('%s %s', (method, path) => {
  it('wants the operator token', async () => {
    const device = await ota.newDevice('m');
    const wrong = [null, '', 'x', `${OPERATOR_TOKEN}x`, OPERATOR_TOKEN.slice(1), device.token];
    for (const token of wrong) await expectStatus(ota.call(method, path, token), 401);
    const answer = await ota.operator(method, path);
    expect([401, 403]).not.toContain(answer.status);
  });
});

describe.each(DEVICE_CALLS)('%s %s', (method, path) => {
  it('wants the token of a registered device that is not retired', async () => {
    const identity = { deviceId: 'nobody', model: 'm', group: 'default' };
    const stranger = readPrivateKey(generateEd25519().privateKeyPem);
    const known = await ota.newDevice('m');
    const forged = await issueDeviceToken(
      { ...identity, deviceId: known.id },
      stranger,
      Date.now(),
    );
    const unregistered = await issueDeviceToken(identity, ota.deps.deviceTokenKey, Date.now());
    for (const token of [null, 'x', OPERATOR_TOKEN, forged, unregistered]) {
      await expectStatus(ota.call(method, path, token), 401);
    }
    const accepted = await ota.call(method, path, known.token);
    expect([401, 403]).not.toContain(accepted.status);
    await ota.database
      .updateTable('devices')
      .set({ lifecycle: 'retired' })
      .where('id', '=', known.id)
      .execute();
    await expectStatus(ota.call(method, path, known.token), 403);
  });
});

it.each(['/healthz', '/readyz', '/metrics'])('%s is open', async (path) => {
  expect((await ota.call('GET', path, null)).status).toBe(200);
});
