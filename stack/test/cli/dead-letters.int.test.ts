import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import { openEventLog } from '@flotilla/event-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventLogFile } from '../../src/data-folder.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flotilla-cli-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function run(...args: string[]) {
  const env = { ...process.env };
  delete env['FLOTILLA_EVENT_LOG'];
  delete env['FLOTILLA_DATA_DIR'];
  return spawnSync(process.execPath, [MAIN, 'dead-letters', ...args], { env, encoding: 'utf8' });
}

describe('flotilla dead-letters', () => {
  it('reads the log of the folder that --data names', async () => {
    const file = eventLogFile(root);
    mkdirSync(dirname(file));
    const log = await openEventLog(`sqlite:${file}`);
    const headers = { 'flotilla-dead-letter-code': 'truncated' };
    await log.append(TOPIC_DEAD_LETTERS, [{ key: 'd1', value: Uint8Array.of(1), headers }]);
    await log.close();
    for (const data of [['--data', root], [`--data=${root}`]]) {
      expect(run(...data, 'list', '--code', 'truncated').stdout).toContain('  truncated  d1');
    }
  });

  it('makes no folder where there is none', () => {
    const missing = join(root, 'missing');
    const { status, stderr } = run('list', '--data', missing);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `there is no log at ${eventLogFile(missing)}\n`,
    });
    expect(existsSync(missing)).toBe(false);
  });
});
