import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiskQueue, type QueueItem } from '@flotilla/otlp-queue';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeLogs } from '../../src/telemetry/testing/decode-otlp.ts';

const script = fileURLToPath(new URL('children/report-updates.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-reports-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the child, kills it once it printed that many lines, and returns the whole lines. */
async function runUntilKilled(killAfterLines: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--no-warnings', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > killAfterLines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');
  return output.split('\n').slice(0, -1);
}

function drain(queue: DiskQueue): QueueItem[] {
  const items: QueueItem[] = [];
  for (let item = queue.oldest(); item !== undefined; item = queue.oldest()) {
    items.push(item);
    queue.acknowledge(item.id);
  }
  return items;
}

describe('the telemetry of a killed agent', () => {
  it('has every update report whose call resolved', async () => {
    const printed = await runUntilKilled(80);
    const logger = createLogger('test', 'silent');
    const queue = new DiskQueue({ folder: join(folder, 'telemetry'), logger });
    const reportIds = drain(queue)
      .filter(({ path }) => path === '/v1/logs')
      .flatMap(({ body }) => decodeLogs(body))
      .map(({ attributes }) => attributes['flotilla.report.id']);
    queue.close();
    expect(reportIds.slice(0, printed.length)).toEqual(printed);
    expect(reportIds.length - printed.length).toBeLessThanOrEqual(1);
  });
});
