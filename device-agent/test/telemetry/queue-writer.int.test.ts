import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskQueue } from '@flotilla/otlp-queue';
import { holdWriteLock } from '@flotilla/otlp-queue/testing';
import { createLogger } from '@flotilla/service';
import { emptyResource } from '@opentelemetry/resources';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BatchingLogProcessor } from '../../src/telemetry/batching-log-processor.ts';
import { plainLogRecord } from '../../src/telemetry/log-record.ts';
import { QueueLogExporter } from '../../src/telemetry/queue-log-exporter.ts';
import { QueueWriter, TelemetryWriteError } from '../../src/telemetry/queue-writer.ts';
import { decodeLogs } from '../../src/telemetry/testing/decode-otlp.ts';
import { readableRecords } from '../../src/telemetry/version-signals.ts';

const logger = createLogger('test', 'silent');
const record = (body: string) =>
  readableRecords(emptyResource(), [plainLogRecord('info', body, {}, 1_700_000_000_123)]);

let folder: string;
let queue: DiskQueue;
let writer: QueueWriter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-writer-'));
  queue = new DiskQueue({ folder, logger, limits: { maxBytes: 4_000_000 } });
  writer = new QueueWriter(queue, logger);
});
afterEach(() => {
  queue.close();
  rmSync(folder, { recursive: true });
});

describe('QueueWriter', () => {
  it('splits a batch that is too large for one request, keeping its order', () => {
    const bodies = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(16_000)}`);
    writer.writeLogs(bodies.flatMap(record));
    expect(queue.items).toBeGreaterThan(3);
    const written: unknown[] = [];
    for (let item = queue.oldest(); item; item = queue.oldest()) {
      expect(item.body.length).toBeLessThanOrEqual(1024 * 1024);
      written.push(...decodeLogs(item.body).map(({ body }) => body));
      queue.acknowledge(item.id);
    }
    expect(written).toEqual(bodies);
  });

  it('cuts one runaway line', () => {
    writer.writeLogs(record('x'.repeat(100_000)));
    const [log] = decodeLogs(queue.oldest()!.body);
    expect(log!.body).toMatch(/^x{16384}… \(cut\)$/);
    expect(log!.timeUnixNano).toBe(1_700_000_000_123_000_000n);
  });

  it('writes nothing for no records', () => {
    writer.writeLogs([]);
    expect(queue.items).toBe(0);
  });

  it('counts nothing as lost that its source still has', () => {
    const mark = { name: 'place', value: '7' };
    const release = holdWriteLock(folder);
    expect(() => writer.moveLogs(record('kept'), mark)).toThrow('locked');
    release();
    expect(queue.dropped().unwritable).toBe(0);
    expect(queue.mark('place')).toBeNull();
    writer.moveLogs(record('kept'), mark);
    expect([queue.items, queue.mark('place')]).toEqual([1, '7']);
  });

  it('counts what the disk did not take, and says why', () => {
    const release = holdWriteLock(folder);
    expect(() => writer.writeLogs(record('lost'))).toThrow(TelemetryWriteError);
    release();
    expect(queue.dropped().unwritable).toBe(1);
    writer.writeLogs(record('kept'));
    expect(queue.items).toBe(1);
  });
});

describe('the log exporter', () => {
  it('hands a failure to the SDK through its callback and throw nothing', () => {
    const release = holdWriteLock(folder);
    const results: unknown[] = [];
    new QueueLogExporter(writer).export(record('lost'), (result) => results.push(result));
    release();
    expect(results).toEqual([{ code: 1, error: expect.any(TelemetryWriteError) as unknown }]);
    expect(queue.lost().unwritable.logs).toBe(1);
  });

  it('tells the batching processor what was lost', async () => {
    const failures: Error[] = [];
    const processor = new BatchingLogProcessor(new QueueLogExporter(writer), (error) =>
      failures.push(error),
    );
    const release = holdWriteLock(folder);
    for (const readable of record('lost')) processor.onEmit(readable as never);
    await processor.forceFlush();
    release();
    expect(failures).toEqual([expect.any(TelemetryWriteError)]);
    await processor.shutdown();
    expect(failures).toHaveLength(1);
  });
});
