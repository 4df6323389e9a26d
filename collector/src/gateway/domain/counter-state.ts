import { addTallies, hasFallen, subtractTallies, zeroOf, type Tally } from './tally.ts';

/** A point of a cumulative series, without what names it. */
export interface CountedPoint {
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly tally: Tally;
}

/** The last point of a series since one of its starts. */
export interface Incarnation {
  timeUnixNano: bigint;
  tally: Tally;
  /** Something came since the state was last written down. */
  touched: boolean;
}

/** Series that differ in dropped attributes only, as the one cumulative stream they become. */
export interface CounterStream {
  readonly startTimeUnixNano: bigint;
  /** Of the last point handed out. */
  timeUnixNano: bigint;
  total: Tally;
  usedAtMs: number;
  /** By dropped attributes, then by start time; 0 where the sender names none. */
  readonly series: Map<string, Map<bigint, Incarnation>>;
}

/** Longer than a device is usually offline: after it what is known of a stream is forgotten. */
const FORGET_AFTER_MS = 3 * 24 * 3_600_000;
const NANOS_PER_MS = 1_000_000n;

/**
 * Adds cumulative series up to streams with fewer attributes, across intervals. A stream counts what
 * its series counted one by one, so that a series that starts again from zero does not make it fall
 * (OTel metrics data model, "Sums" and "Resets and Gaps"). A series that began before this state did
 * counts from its first point here on: what it had by then may be in a stream that is forgotten.
 */
export class CounterState {
  readonly #maxSeries: number;
  readonly #streams: Map<string, CounterStream>;
  #sinceUnixNano: bigint;
  #series = 0;
  #refusedPoints = 0;

  constructor(
    maxSeries: number,
    sinceUnixNano: bigint,
    streams: ReadonlyMap<string, CounterStream> = new Map(),
  ) {
    this.#maxSeries = maxSeries;
    this.#sinceUnixNano = sinceUnixNano;
    this.#streams = new Map(streams);
    for (const { series } of streams.values()) this.#series += series.size;
  }

  get series(): number {
    return this.#series;
  }

  /** Points there was no room for, since this was asked last. */
  takeRefusedPoints(): number {
    const points = this.#refusedPoints;
    this.#refusedPoints = 0;
    return points;
  }

  get sinceUnixNano(): bigint {
    return this.#sinceUnixNano;
  }

  get streams(): ReadonlyMap<string, CounterStream> {
    return this.#streams;
  }

  has(stream: string): boolean {
    return this.#streams.has(stream);
  }

  /** By how much a point moves its stream; null when there is no room for another series. */
  count(streamKey: string, seriesKey: string, point: CountedPoint): Tally | null {
    const known = this.#streams.get(streamKey)?.series.get(seriesKey);
    if (known !== undefined) return this.#countKnown(known, point);
    if (this.#series >= this.#maxSeries) {
      this.#refusedPoints += 1;
      return null;
    }
    this.#series += 1;
    // Every count since this state began is new to it; what is older has no known share.
    const whole = point.startTimeUnixNano > this.#sinceUnixNano;
    const stream = this.#streams.get(streamKey) ?? this.#open(streamKey, point, whole);
    stream.series.set(seriesKey, new Map([[point.startTimeUnixNano, incarnationOf(point)]]));
    return whole ? point.tally : zeroOf(point.tally);
  }

  /** Adds to the total of a stream that `count` knows. Returns its next point. */
  advance(streamKey: string, timeUnixNano: bigint, increment: Tally): CountedPoint {
    const stream = this.#streams.get(streamKey);
    if (stream === undefined) throw new Error('nothing was counted in this stream');
    stream.total = addTallies(stream.total, increment);
    // What comes late is counted where the stream is by now: it must not go back in time.
    const earliest = stream.timeUnixNano + 1n;
    stream.timeUnixNano = timeUnixNano > earliest ? timeUnixNano : earliest;
    const { total: tally, startTimeUnixNano } = stream;
    return { tally, startTimeUnixNano, timeUnixNano: stream.timeUnixNano };
  }

  /** Forgets what cannot matter any more; called before the state is written down. */
  settle(nowMs: number): void {
    for (const [key, stream] of this.#streams) {
      let used = false;
      for (const incarnations of stream.series.values()) {
        if (settleSeries(incarnations)) used = true;
      }
      if (used) stream.usedAtMs = nowMs;
      else if (nowMs - stream.usedAtMs > FORGET_AFTER_MS) {
        this.#streams.delete(key);
        this.#series -= stream.series.size;
        this.#sinceUnixNano = BigInt(nowMs) * NANOS_PER_MS;
      }
    }
  }

  #open(key: string, point: CountedPoint, whole: boolean): CounterStream {
    const start = whole ? point.startTimeUnixNano : point.timeUnixNano;
    const stream: CounterStream = {
      startTimeUnixNano: start,
      timeUnixNano: start - 1n,
      total: zeroOf(point.tally),
      usedAtMs: 0,
      series: new Map(),
    };
    this.#streams.set(key, stream);
    return stream;
  }

  #countKnown(incarnations: Map<bigint, Incarnation>, point: CountedPoint): Tally {
    const { startTimeUnixNano: start, timeUnixNano, tally } = point;
    const last = incarnations.get(start);
    if (last === undefined) {
      // Of a start that is forgotten, or named for the first time only now: how much is new?
      if (start !== 0n && start < newestStart(incarnations)) return zeroOf(tally);
      incarnations.set(start, incarnationOf(point));
      return start === 0n ? zeroOf(tally) : tally;
    }
    if (timeUnixNano <= last.timeUnixNano) return zeroOf(tally);
    const increment = hasFallen(tally, last.tally) ? tally : subtractTallies(tally, last.tally);
    incarnations.set(start, incarnationOf(point));
    return increment;
  }
}

function incarnationOf({ timeUnixNano, tally }: CountedPoint): Incarnation {
  return { timeUnixNano, tally, touched: true };
}

/** Points may swap on their way, so an earlier start is known until nothing comes of it any more. */
function settleSeries(incarnations: Map<bigint, Incarnation>): boolean {
  const newest = newestStart(incarnations);
  let used = false;
  for (const [start, incarnation] of incarnations) {
    if (incarnation.touched) used = true;
    else if (start !== newest) incarnations.delete(start);
    incarnation.touched = false;
  }
  return used;
}

function newestStart(incarnations: ReadonlyMap<bigint, Incarnation>): bigint {
  let newest = 0n;
  for (const start of incarnations.keys()) if (start > newest) newest = start;
  return newest;
}
