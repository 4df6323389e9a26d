import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FirmwarePidFile } from '../../src/firmware/orphan-firmware.ts';
import { processStartTime } from '../../src/firmware/process-identity.ts';
import { silent } from '../agent-bench.ts';

let folder: string;
let child: ChildProcess;
let pid: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-pid-'));
  child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  pid = child.pid!;
});
afterEach(() => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'firmware.pid');

describe('the firmware that a killed agent left', () => {
  it('is ended when id and start time are those of the record', async () => {
    const file = new FirmwarePidFile(folder, silent);
    file.record(pid);
    await new FirmwarePidFile(folder, silent).endOrphan(2_000);
    expect(processStartTime(pid)).toBeNull();
    expect(existsSync(path())).toBe(false);
  });

  it('is left alone when another process has its id by now', async () => {
    new FirmwarePidFile(folder, silent).record(pid);
    const record = JSON.parse(readFileSync(path(), 'utf8')) as { pid: number; startTime: string };
    writeFileSync(path(), JSON.stringify({ ...record, startTime: `${record.startTime}1` }));
    await new FirmwarePidFile(folder, silent).endOrphan(2_000);
    expect(processStartTime(pid)).not.toBeNull();
    expect(existsSync(path())).toBe(false);
  });

  it.each(['', '{"pid":', '{"pid":-1,"startTime":"1"}', '{"pid":1}'])(
    'is nobody when the record is %j',
    async (text) => {
      writeFileSync(path(), text);
      await new FirmwarePidFile(folder, silent).endOrphan(100);
      expect(processStartTime(pid)).not.toBeNull();
    },
  );
});
