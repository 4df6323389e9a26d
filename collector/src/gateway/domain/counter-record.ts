import { z } from 'zod';
import { CounterState, type CounterStream } from './counter-state.ts';
import type { Tally } from './tally.ts';

const big = z.string().transform((text) => BigInt(text));
/** A whole number as text, a double as a number. */
const tallySchema = z
  .tuple([z.union([z.number(), big, z.null()]), z.array(big)])
  .transform(([sum, counts]): Tally => ({ sum, counts }));
const incarnationSchema = z.tuple([big, big, tallySchema]);
const streamSchema = z.object({
  start: big,
  time: big,
  total: tallySchema,
  usedAtMs: z.number(),
  series: z.record(z.string(), z.array(incarnationSchema)),
});

/** A CounterState as JSON. */
export const counterRecordSchema = z.object({
  since: big,
  streams: z.record(z.string(), streamSchema),
});

export function writeCounters(state: CounterState): z.input<typeof counterRecordSchema> {
  return {
    since: String(state.sinceUnixNano),
    streams: Object.fromEntries(
      Array.from(state.streams, ([key, stream]) => [key, writeStream(stream)]),
    ),
  };
}

export function readCounters(
  { since, streams }: z.output<typeof counterRecordSchema>,
  maxSeries: number,
): CounterState {
  const read = Object.entries(streams).map(([key, stream]) => [key, readStream(stream)] as const);
  return new CounterState(maxSeries, since, new Map(read));
}

function writeStream(stream: CounterStream): z.input<typeof streamSchema> {
  const series = Array.from(stream.series, ([key, incarnations]) => {
    const written = Array.from(
      incarnations,
      ([start, { timeUnixNano, tally }]): z.input<typeof incarnationSchema> => [
        String(start),
        String(timeUnixNano),
        writeTally(tally),
      ],
    );
    return [key, written] as const;
  });
  return {
    start: String(stream.startTimeUnixNano),
    time: String(stream.timeUnixNano),
    total: writeTally(stream.total),
    usedAtMs: stream.usedAtMs,
    series: Object.fromEntries(series),
  };
}

function writeTally({ sum, counts }: Tally): z.input<typeof tallySchema> {
  return [typeof sum === 'bigint' ? String(sum) : sum, counts.map(String)];
}

function readStream(stream: z.output<typeof streamSchema>): CounterStream {
  const series = Object.entries(stream.series).map(([key, incarnations]) => {
    const read = incarnations.map(
      ([start, timeUnixNano, tally]) => [start, { timeUnixNano, tally, touched: false }] as const,
    );
    return [key, new Map(read)] as const;
  });
  return {
    startTimeUnixNano: stream.start,
    timeUnixNano: stream.time,
    total: stream.total,
    usedAtMs: stream.usedAtMs,
    series: new Map(series),
  };
}
