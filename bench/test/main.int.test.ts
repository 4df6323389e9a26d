import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../src/main.ts');

it.each([[[]], [['no-such-bench']], [['index']], [['../src/main']]])(
  'names the benches and exits 2 for %j',
  (args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/Known: .*\bdelta\b/);
    expect(stderr).not.toMatch(/Known: .*\bindex\b/);
  },
);
