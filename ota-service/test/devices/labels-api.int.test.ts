import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

let ota: OtaHarness;
beforeAll(async () => {
  ota = await startHarness();
});
afterAll(() => ota.close());

const labels = async (id: string) =>
  (await (await ota.operator('GET', `/api/v1/devices/${id}/labels`)).json()) as unknown;

describe('labels of a device', () => {
  it('are replaced as a whole', async () => {
    const { id } = await ota.newDevice('m');
    const path = `/api/v1/devices/${id}/labels`;
    expect(await labels(id)).toEqual({ labels: {} });
    const first = { site: 'berlin', 'example.com/ring': '1', timezone: 'Europe/Berlin', beta: '' };
    const put = await ota.operator('PUT', path, { labels: first });
    expect([put.status, await put.json()]).toEqual([200, { labels: first }]);
    await ota.operator('PUT', path, { labels: { site: 'paris' } });
    expect(await labels(id)).toEqual({ labels: { site: 'paris' } });
    expect((await ota.call('GET', path, null)).status).toBe(401);
  });

  it.each([
    [{ labels: { '-site': 'x' } }, 400, 'validation_failed'],
    [{ labels: { site: 'with blank' } }, 400, 'validation_failed'],
    [{ labels: { site: 'x'.repeat(64) } }, 400, 'validation_failed'],
    [{ site: 'x' }, 400, 'validation_failed'],
    [
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'x'])) },
      400,
      'validation_failed',
    ],
  ])('%j are refused, and the old ones stay', async (body, status, code) => {
    const { id } = await ota.newDevice('m');
    await ota.operator('PUT', `/api/v1/devices/${id}/labels`, { labels: { site: 'berlin' } });
    const answer = await ota.operator('PUT', `/api/v1/devices/${id}/labels`, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
    expect(await labels(id)).toEqual({ labels: { site: 'berlin' } });
  });

  it('are of a device that there is', async () => {
    const path = '/api/v1/devices/nobody/labels';
    const put = await ota.operator('PUT', path, { labels: { site: 'x' } });
    expect(put.status).toBe(404);
    expect((await ota.operator('GET', path)).status).toBe(404);
  });
});
