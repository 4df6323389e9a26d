import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Departure, departureStage } from '../../src/provisioning/departure.ts';

let deviceDir: string;
let did: string[];
beforeEach(async () => {
  deviceDir = await mkdtemp(join(tmpdir(), 'flotilla-departure-'));
  did = [];
  for (const name of ['identity', 'slots', 'telemetry', 'firmware-data']) {
    await mkdir(join(deviceDir, name));
    await writeFile(join(deviceDir, name, 'file'), 'content');
  }
});
afterEach(() => rm(deviceDir, { recursive: true, force: true }));

function departure(report: (done: string) => boolean, drained = true): Departure {
  return new Departure({
    deviceDir,
    report: (done) => {
      did.push(`report ${done}`);
      return Promise.resolve(report(done));
    },
    drain: () => Promise.resolve(drained),
    stopAgent: () => {
      did.push('stop');
      return Promise.resolve();
    },
    removeCredentials: async () => {
      did.push('remove');
      await rm(join(deviceDir, 'identity'), { recursive: true });
    },
    random: () => 0.5,
    logger: createLogger('test', 'silent'),
    backOff: { baseMs: 1, maxMs: 2 },
  });
}

describe('a wipe', () => {
  it('removes everything, reports, and gives its keys up last', async () => {
    let tries = 0;
    await departure(() => (tries += 1) === 3).wipe();
    expect(did).toEqual(['stop', 'report wiped', 'report wiped', 'report wiped', 'remove']);
    expect(await readdir(deviceDir)).toEqual(['departure.json']);
    expect(await departureStage(deviceDir)).toBe('wiped');
  });

  it('that was cut off before the server heard of it has its keys still, and goes on', async () => {
    const first = departure(() => false);
    first.take({ order: 'wipe' });
    await vi.waitFor(() => expect(did).toContain('report wiped'));
    await first.stop();
    expect(did).not.toContain('remove');
    expect(await departureStage(deviceDir)).toBe('wiping');
    expect((await readdir(deviceDir)).sort()).toEqual(['departure.json', 'identity']);
    await departure(() => true).wipe();
    expect(await departureStage(deviceDir)).toBe('wiped');
  });

  it('gives its keys up also when nobody answers', async () => {
    await departure(() => false).wipe();
    expect(did.at(-1)).toBe('remove');
  });
});

describe('a drain', () => {
  it('is reported once nothing is left, and wipes nothing', async () => {
    departure(() => true, false).take({ order: 'drain' });
    await vi.waitFor(() => expect(did).toEqual([]));
    departure(() => true).take({ order: 'drain' });
    await vi.waitFor(() => expect(did).toEqual(['report drained']));
    expect(await departureStage(deviceDir)).toBeNull();
    expect(await readdir(deviceDir)).toHaveLength(4);
  });
});
