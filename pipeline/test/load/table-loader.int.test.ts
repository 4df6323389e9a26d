import { TOPIC_LOGS } from '@flotilla/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RowEncoder } from '../../src/decode/row-encoder.ts';
import { createLogger } from '@flotilla/service';
import { BatchLedger } from '../../src/load/batch-ledger.ts';
import { WarehouseNames } from '../../src/load/batch-ledger-store.ts';
import { batchKey } from '../../src/load/batch-name.ts';
import { FileSink } from '../../src/load/insert-sink.ts';
import { TableLoader, type RowsOfRange } from '../../src/load/table-loader.ts';
import { createMetrics } from '../../src/metrics.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
let ids = 0;
const newId = () => `id-${(ids += 1)}`;
let sink: FileSink;
let loader: TableLoader;

beforeAll(async () => {
  stage = await embeddedWarehouse();
  const { ingest, embedded } = stage.warehouse;
  sink = await FileSink.open(ingest, embedded!.insertFolder);
  loader = new TableLoader(sink, ingest);
});
afterAll(() => stage.remove());
beforeEach(async () => {
  await stage.warehouse.compute.command({ query: 'ALTER TABLE otel_logs DROP PARTITION ALL' });
});

/** Records from `start` on, each with lines on three days. */
function range(partition: number, start: number, end: number): RowsOfRange {
  const records = Array.from({ length: end - start }, (_, index) =>
    [0, 1, 2].map((day) =>
      logRecord('d1', START_MS + day * DAY_MS, { body: `${start + index}/${day}` }),
    ),
  );
  return encoded(partition, start, records);
}

function encoded(
  partition: number,
  start: number,
  records: readonly (readonly ReturnType<typeof logRecord>[])[],
): RowsOfRange {
  const encoder = new RowEncoder(TOPIC_LOGS, partition);
  records.forEach((lines, index) => encoder.add(start + index, logsRequest(lines)));
  const range = { start, end: start + records.length };
  return { source: encoder.source, range, rows: encoder.rowsOf('otel_logs') };
}

async function bodies(): Promise<string[]> {
  const rows = await rowsOf<{ Body: string }>(
    stage.warehouse.compute,
    'SELECT Body FROM otel_logs ORDER BY IngestOffset, Body',
  );
  return rows.map(({ Body }) => Body);
}

const sourceOf = (partition: number) => `${TOPIC_LOGS}/${partition}`;
const expected = (start: number, end: number) =>
  Array.from({ length: end - start }, (_, i) => [0, 1, 2].map((d) => `${start + i}/${d}`)).flat();

describe('TableLoader', () => {
  it('stores a range once, however often it is repeated', async () => {
    const batch = range(1, 0, 4);
    await loader.store([batch], null, false);
    await loader.store([batch], null, false);
    await loader.store([batch], null, true);
    expect(await bodies()).toEqual(expected(0, 4));
  });

  it('takes equal rows of different ranges for different rows', async () => {
    await loader.store([range(2, 0, 2)], null, false);
    await loader.store([{ ...range(2, 0, 2), range: { start: 0, end: 3 } }], null, false);
    expect(await bodies()).toHaveLength(12);
  });

  it('restores rows whose token is remembered while their part never became visible', async () => {
    const batch = range(3, 10, 14);
    await loader.store([batch], null, false);
    await stage.warehouse.compute.command({
      query: 'ALTER TABLE otel_logs DELETE WHERE 1 SETTINGS mutations_sync = 2',
    });
    await loader.store([batch], null, false);
    // The engine took the insert for a repeat: this is the hole.
    expect(await bodies()).toEqual([]);
    await loader.store([batch], null, true);
    expect(await bodies()).toEqual(expected(10, 14));
    await loader.store([batch], null, true);
    expect(await bodies()).toEqual(expected(10, 14));
  });

  it('restores just the day that is missing', async () => {
    const batch = range(4, 0, 3);
    await loader.store([batch], null, false);
    await stage.warehouse.compute.command({
      query:
        "ALTER TABLE otel_logs DELETE WHERE TimestampTime = '2026-01-02 00:00:00' SETTINGS mutations_sync = 2",
    });
    expect(await bodies()).toHaveLength(6);
    await loader.store([batch], null, true);
    expect(await bodies()).toEqual(expected(0, 3));
  });

  it('stores ranges of several partitions in one insert', async () => {
    const ranges = [range(7, 0, 2), range(8, 2, 4), range(9, 4, 5)];
    await loader.store(ranges, 'together', false);
    expect(await bodies()).toEqual(expected(0, 5));
    for (const each of ranges) await loader.store([each], 'together', true);
    expect(await bodies()).toEqual(expected(0, 5));
    const places = await rowsOf<{ IngestSource: string }>(
      stage.warehouse.compute,
      'SELECT DISTINCT IngestSource FROM otel_logs ORDER BY IngestSource',
    );
    expect(places.map(({ IngestSource: place }) => place)).toEqual([7, 8, 9].map(sourceOf));
  });

  it('leaves no way in for a shared insert that comes after one of its ranges was repeated', async () => {
    const [first, second] = [range(10, 0, 2), range(11, 2, 4)];
    await loader.store([first], 'late', true);
    await loader.store([first, second], 'late', false);
    expect(await bodies()).toEqual(expected(0, 2));
    await loader.store([second], 'late', true);
    expect(await bodies()).toEqual(expected(0, 4));
  });

  it('takes rows of more days than one insert block may touch by default', async () => {
    const rows = Array.from({ length: 150 }, (_, day) => logRecord('d1', START_MS - day * DAY_MS));
    const batch = encoded(5, 0, [rows]);
    await loader.store([batch], null, true);
    expect(await bodies()).toHaveLength(150);
  });

  it('keeps any text as it is', async () => {
    const texts = ["x;\n\n'--\u0000\u{1f600} \\ FORMAT", '{name:String}', '\t\r\n', '$$a$$', ''];
    const rows = texts.map((body, i) => logRecord('d1', START_MS + i, { body }));
    await loader.store([encoded(6, 0, [rows])], null, false);
    const stored = await rowsOf<{ Body: string }>(
      stage.warehouse.compute,
      'SELECT Body FROM otel_logs ORDER BY Timestamp',
    );
    expect(stored.map(({ Body }) => Body)).toEqual(texts);
  });
});

describe('BatchLedger', () => {
  it('knows batches of lower offsets, by device, partition and any id', async () => {
    const names = new WarehouseNames(stage.warehouse.ingest, stage.warehouse.compute);
    const newLedger = () =>
      new BatchLedger({
        names,
        sink,
        filterBytes: 1e6,
        metrics: createMetrics(),
        logger: createLogger('test', 'silent'),
        newId,
      });
    const ledger = newLedger();
    const at = { topic: TOPIC_LOGS, partition: 0 };
    const odd = "it's, 50% \\ \u{1f600}";
    const entry = (offset: number, deviceId: string, batchId: string) => ({
      offset,
      deviceId,
      batchId,
      rowCount: 1,
      receivedAtMs: START_MS,
    });
    const batches = [entry(5, 'd1', 'a'), entry(6, 'd2', 'a'), entry(7, 'd1', odd)];
    const ranges = [{ partition: at, range: { start: 5, end: 8 }, batches }];
    await ledger.record(ranges, null, false);
    await ledger.record(ranges, null, true);
    const asked = [
      { deviceId: 'd1', batchId: 'a' },
      { deviceId: 'd1', batchId: odd },
      { deviceId: 'd2', batchId: odd },
      { deviceId: 'd3', batchId: 'a' },
    ];
    // One that asks for every name, and one that read what is stored.
    const heir = newLedger();
    heir.open(at);
    await heir.loaded(at);
    for (const each of [ledger, heir]) {
      const known = await each.known(at, asked, 8);
      expect(asked.map((name) => known.has(batchKey(name)))).toEqual([true, true, false, false]);
      expect(await each.known(at, asked, 5)).toEqual(new Set());
      expect(await each.known({ ...at, partition: 1 }, asked, 8)).toEqual(new Set());
      expect(await each.known(at, [], 8)).toEqual(new Set());
    }
    heir.close(at);
  });
});
