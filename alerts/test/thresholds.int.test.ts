import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { alertsOf, filesOf, loosened, textOf } from './rule-files.ts';

const failed = z.object({ code: z.literal(1), stdout: z.string(), stderr: z.string() });

/** What promtool prints about the tests that fail; empty when all pass. */
async function failuresOf(rules: string, rulesFile: string, testFile: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-rules-'));
  try {
    await writeFile(join(folder, rulesFile), rules);
    await writeFile(join(folder, testFile), textOf(testFile));
    const run = promisify(execFile)('promtool', ['test', 'rules', testFile], { cwd: folder });
    return await run.then(
      () => '',
      (error: unknown) => {
        const { stdout, stderr } = failed.parse(error);
        return stdout + stderr;
      },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

it.each(filesOf('.rules.yml'))(
  '%s: every threshold has a test that stays silent just within it',
  async (rulesFile) => {
    const rules = textOf(rulesFile);
    const testFile = rulesFile.replace('.rules.', '.test.');
    const failures = await failuresOf(loosened(rules), rulesFile, testFile);
    for (const { name, text } of alertsOf(rules)) {
      if (loosened(text) === text) continue;
      expect(failures, name).toContain(`alertname: ${name}`);
    }
  },
);
