import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

let ota: OtaHarness;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-console-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>console</title>');
  await writeFile(join(folder, 'assets', 'main-Ab12Cd34.js'), 'export {};');
  ota = await startHarness({ consoleFolder: folder });
});
afterAll(async () => {
  await ota.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the console', () => {
  it.each(['/', '/devices', '/devices/dev-1', '/campaigns/cmp_1', '/firmware'])(
    'comes up at %s without a token',
    async (path) => {
      const answer = await ota.call('GET', path, null);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
      expect(await answer.text()).toContain('<title>console</title>');
      expect(answer.headers.get('content-security-policy')).toContain(
        "default-src 'self'; style-src 'self' 'unsafe-inline'",
      );
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('cache-control')).toBe('no-cache');
    },
  );

  it('serves its assets for long, and nothing beside its folder', async () => {
    const asset = await ota.call('GET', '/assets/main-Ab12Cd34.js', null);
    expect(asset.status).toBe(200);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect(asset.headers.get('x-content-type-options')).toBe('nosniff');
    for (const path of ['/..%2fregistry.db', '/missing.js', '/api/v1/none']) {
      const answer = await ota.call('GET', path, null);
      expect([path, answer.status >= 400 && answer.status < 500]).toEqual([path, true]);
      expect(await answer.json()).toHaveProperty('code');
    }
  });
});

describe('metrics', () => {
  it('count bytes, deltas and requests', async () => {
    await ota.newDevice('m');
    await ota.newDevice('m');
    const text = await (await ota.call('GET', '/metrics', null)).text();
    expect(text).toContain('flotilla_artifacts_bytes{kind="identity"} 0');
    expect(text).toContain('flotilla_delta_jobs{state="pending"} 0');
    expect(text).toMatch(
      /flotilla_http_request_duration_seconds_count\{method="POST",route="\/api\/v1\/devices",status="201"\} 2/,
    );
  });
});

it('tells its version and uptime', async () => {
  const status: unknown = await (await ota.operator('GET', '/api/v1/status')).json();
  expect(status).toEqual({ version: '0.0.0-test', uptimeSeconds: expect.any(Number) as number });
});
