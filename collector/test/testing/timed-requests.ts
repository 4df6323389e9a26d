import fc from 'fast-check';
import { WireWriter } from '@flotilla/otlp';
import type { SignalName } from '../../src/admit/item-walk.ts';

/** A request of one resource, and where its times are. */
export interface TimedRequest {
  readonly signal: SignalName;
  readonly body: Buffer;
  readonly items: number;
  readonly times: readonly { readonly at: number; readonly isStart: boolean }[];
}

interface Item {
  readonly kind: number;
  /** In nanoseconds; one for each of the signal's time fields. */
  readonly times: readonly [bigint, bigint];
  /** Goes into a field that is no time, in the same eight bytes. */
  readonly value: bigint;
}

/** Field numbers of opentelemetry-proto 1.x: an item's times, its start first, and a fixed64 beside them. */
const FIELDS: Readonly<Record<SignalName, { times: [number, number]; other: number }>> = {
  metrics: { times: [2, 3], other: 4 },
  logs: { times: [1, 11], other: 20 },
  traces: { times: [7, 8], other: 20 },
};
/** gauge, sum, histogram, exponential histogram, summary. */
const METRIC_KINDS = [5, 7, 9, 10, 11];

/** Requests whose times are drawn from `time`; every time is written, zero included. */
export function timedRequest(time: fc.Arbitrary<bigint>): fc.Arbitrary<TimedRequest> {
  const item = fc.record({
    kind: fc.constantFrom(...METRIC_KINDS),
    times: fc.tuple(time, time),
    value: time,
  });
  const signal = fc.constantFrom<SignalName>('metrics', 'logs', 'traces');
  return fc.tuple(signal, fc.array(item, { maxLength: 8 })).map(([name, items]) => ({
    signal: name,
    items: items.length,
    ...encode(name, items),
  }));
}

function encode(signal: SignalName, items: readonly Item[]): Pick<TimedRequest, 'body' | 'times'> {
  const { times: numbers, other } = FIELDS[signal];
  const encoded = items.map((item) => {
    const writer = new WireWriter();
    const marks = numbers.map((number, i) => {
      writer.fixed64(number, item.times[i]!);
      return writer.sizeBytes - 8;
    });
    writer.fixed64(other, item.value);
    const bytes = writer.finish();
    return { bytes: signal === 'metrics' ? wrap(bytes, 1, item.kind) : bytes, marks, inner: bytes };
  });
  const scope = Buffer.concat(encoded.map(({ bytes }) => wrap(bytes, 2)));
  const body = wrap(scope, 2, 1);
  let from = body.length - scope.length;
  const times = encoded.flatMap(({ bytes, marks, inner }) => {
    const end = from + wrap(bytes, 2).length;
    const start = end - inner.length;
    from = end;
    return marks.map((mark, i) => ({
      at: start + mark,
      isStart: signal === 'metrics' && i === 0,
    }));
  });
  return { body, times };
}

/** The bytes in a field, that message in a field of another, and so on outwards. */
function wrap(bytes: Buffer, ...numbers: readonly number[]): Buffer {
  return numbers.reduce((content, number) => {
    const writer = new WireWriter(content.length + 16);
    writer.bytes(number, content);
    return writer.finish();
  }, bytes);
}
