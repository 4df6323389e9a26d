import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessHost, type Firmware } from '../../src/firmware/firmware-process.ts';
import { FirmwarePidFile } from '../../src/firmware/orphan-firmware.ts';
import { watchTrial } from '../../src/firmware/trial.ts';
import { RecordingTelemetry } from '../../src/testing/recording-telemetry.ts';
import { silent } from '../agent-bench.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-start-'));
  writeFileSync(join(folder, 'file'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const telemetry = new RecordingTelemetry();
const monotonicNow = () => performance.now();

function start(command: string[]): Firmware {
  const host = new ProcessHost({
    port: 1,
    dataDir: folder,
    path: '/usr/bin:/bin',
    stopGraceMs: 100,
    probeTimeoutMs: 100,
    pidFile: new FirmwarePidFile(folder, silent),
    telemetry,
    monotonicNow,
  });
  return host.start({
    kind: 'bundle',
    slot: 'a',
    treePath: folder,
    content: { version: '1.0.0', sha256: '0'.repeat(64), sizeBytes: 1 },
    bundle: { schemaVersion: 1, version: '1.0.0', command, healthPath: '/' },
  });
}

describe('firmware that cannot be started', () => {
  it.each([
    ['does not exist', ['./missing'], /ENOENT/],
    ['is not executable', ['./file'], /EACCES/],
    ['lies below a file', ['./file/program'], /ENOTDIR/],
    ['has a name too long', [`./${'x'.repeat(300)}`], /ENAMETOOLONG/],
    ['has too large an argument', ['/bin/true', 'x'.repeat(300_000)], /E2BIG/],
    ['has a NUL byte in its name', ['./fi\0le'], /null bytes/],
    ['has a NUL byte in an argument', ['/bin/true', 'a\0b'], /null bytes/],
  ])('fails its trial and not the agent when its program %s', async (_name, command, why) => {
    const firmware = start(command);
    const result = await watchTrial(
      firmware,
      {
        rules: { trialMs: 5_000, startTimeoutMs: 5_000, maxFailedProbes: 3, maxRssBytes: null },
        probes: [],
        watchdog: { pet: async () => {} },
        probeIntervalMs: 10,
        telemetry,
        monotonicNow,
        logger: silent,
      },
      AbortSignal.timeout(10_000),
    );
    expect(result).toMatchObject({ kind: 'fail', reason: 'trial_crashed' });
    expect(await firmware.exited).toMatchObject({ exitCode: null, requested: false });
    expect((await firmware.exited).startError).toMatch(why);
    await firmware.stop();
  });
});
