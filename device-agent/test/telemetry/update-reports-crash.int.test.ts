import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiskQueue } from '@flotilla/otlp-queue';
import { drain, runUntilKilled } from '@flotilla/otlp-queue/testing';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeLogs } from '../../src/telemetry/testing/decode-otlp.ts';

const script = fileURLToPath(new URL('children/report-updates.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-reports-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the telemetry of a killed agent', () => {
  it('has every update report whose call resolved', async () => {
    const printed = await runUntilKilled(script, [folder], 80);
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
