import { SpanKind, SpanStatusCode, type HrTime } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, it } from 'vitest';
import { decodeRequest } from './decoded-rows.ts';
import { deviceResource } from './otlp-samples.ts';

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

const TRACE_ID = '0123456789abcdef0123456789abcdef';
const START: HrTime = [1_700_000_000, 5];

/** Bytes as OpenTelemetry's own SDK writes them. */
function spansRequest(...spans: Partial<ReadableSpan>[]): Uint8Array {
  const bytes = ProtobufTraceSerializer.serializeRequest(
    spans.map((more) => ({
      name: 'install',
      kind: SpanKind.INTERNAL,
      spanContext: () => ({ traceId: TRACE_ID, spanId: '0123456789abcdef', traceFlags: 1 }),
      startTime: START,
      endTime: START,
      status: { code: SpanStatusCode.UNSET },
      attributes: {},
      links: [],
      events: [],
      duration: [0, 0],
      ended: true,
      resource: deviceResource('d1'),
      instrumentationScope: { name: 'agent', version: '2' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
      ...more,
    })),
  );
  if (bytes === undefined) throw new Error('nothing was serialised');
  return bytes;
}

const rowsOf = (...spans: Partial<ReadableSpan>[]) =>
  decodeRequest('otlp_spans', spansRequest(...spans)).otel_traces!;

describe('spans', () => {
  it('keep every field the exporter keeps', () => {
    const [row] = rowsOf({
      kind: SpanKind.CLIENT,
      parentSpanContext: { traceId: TRACE_ID, spanId: 'fedcba9876543210', traceFlags: 1 },
      endTime: [START[0] + 2, 4],
      status: { code: SpanStatusCode.ERROR, message: 'no space' },
      attributes: { 'flotilla.slot': 'b', attempt: 3 },
    });
    expect(row).toMatchObject({
      Timestamp: { rawJSON: '1700000000000000005' },
      // Two seconds less one nanosecond: the lower half borrows from the upper.
      Duration: { rawJSON: '1999999999' },
      TraceId: TRACE_ID,
      SpanId: '0123456789abcdef',
      ParentSpanId: 'fedcba9876543210',
      SpanName: 'install',
      SpanKind: 'Client',
      StatusCode: 'Error',
      StatusMessage: 'no space',
      SpanAttributes: { 'flotilla.slot': 'b', attempt: '3' },
      ServiceName: 'flotilla-device',
      ScopeName: 'agent',
      ScopeVersion: '2',
      IngestSource: 'otlp_spans/0',
      IngestOffset: { rawJSON: '7' },
      'Events.Name': [],
      'Links.TraceId': [],
    });
    expect(row!.ResourceAttributes['device.id']).toBe('d1');
  });

  it('keep events and links of each span apart', () => {
    const event = (name: string, nanos: number) => ({
      name,
      time: [1, nanos] as HrTime,
      attributes: { name },
    });
    const link = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16), traceFlags: 0 };
    const rows = rowsOf(
      { events: [event('begin', 1), event('end', 2)] },
      {},
      { events: [event('begin', 3)], links: [{ context: link, attributes: { why: 'retry' } }] },
    );
    expect(rows.map((row) => row['Events.Name'])).toEqual([['begin', 'end'], [], ['begin']]);
    expect(rows.map((row) => row['Events.Attributes'])).toEqual([
      [{ name: 'begin' }, { name: 'end' }],
      [],
      [{ name: 'begin' }],
    ]);
    expect(rows[2]).toMatchObject({
      'Events.Timestamp': [{ rawJSON: '1000000003' }],
      'Links.TraceId': ['f'.repeat(32)],
      'Links.SpanId': ['e'.repeat(16)],
      'Links.Attributes': [{ why: 'retry' }],
    });
  });

  it('have no duration when they end before they start', () => {
    const [row] = rowsOf({ endTime: [START[0] - 1, 999_999_999] });
    expect(row!['Duration']).toEqual({ rawJSON: '0' });
  });
});
