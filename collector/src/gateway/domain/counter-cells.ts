import type { Attribute, HistogramPoint, NumberPoint } from '@flotilla/otlp';
import { CellMap } from './cell-map.ts';
import type { CounterState } from './counter-state.ts';
import { attributesKey, shortKey } from './series-key.ts';
import { addTallies, isFiniteTally, type CounterKind, type Tally } from './tally.ts';

/**
 * Monotonic cumulative points that lose attributes: what their series counted in an interval, added
 * up, goes on top of the stream's total, which `state` keeps.
 */
export class CounterCells<P extends NumberPoint | HistogramPoint> {
  readonly #kind: CounterKind<P>;
  readonly #state: CounterState;
  readonly #templates = new CellMap<P>();
  /** Per stream and window of time. */
  readonly #increments = new Map<string, Map<number, Tally>>();

  constructor(kind: CounterKind<P>, state: CounterState) {
    this.#kind = kind;
    this.#state = state;
  }

  get size(): number {
    return this.#templates.size;
  }

  get sizeBytes(): number {
    return this.#templates.sizeBytes;
  }

  /** False when the point has to pass with all its attributes: it counts nothing finite, or for want of room. */
  add(stream: string, window: number, dropped: readonly Attribute[], point: P): boolean {
    const tally = this.#kind.tallyOf(point);
    if (!isFiniteTally(tally)) return false;
    const { startTimeUnixNano, timeUnixNano } = point;
    const increment = this.#state.count(stream, shortKey(attributesKey(dropped)), {
      startTimeUnixNano,
      timeUnixNano,
      tally,
    });
    if (increment === null) return false;
    this.#templates.setIfLater(templateKey(stream, window), point);
    const windows = this.#increments.get(stream) ?? new Map<number, Tally>();
    this.#increments.set(stream, windows);
    const before = windows.get(window);
    windows.set(window, before === undefined ? increment : addTallies(before, increment));
    return true;
  }

  /** The points of all streams; moves their totals on. */
  take(): P[] {
    return Array.from(this.#increments, ([stream, windows]) =>
      this.#takeStream(stream, windows),
    ).flat();
  }

  #takeStream(stream: string, windows: ReadonlyMap<number, Tally>): P[] {
    const inOrder = Array.from(windows).sort(([a], [b]) => a - b);
    return inOrder.flatMap(([window, increment]) => {
      const template = this.#templates.get(templateKey(stream, window));
      if (template === undefined) return [];
      const counted = this.#state.advance(stream, template.timeUnixNano, increment);
      return [this.#kind.pointOf(template, counted.tally, counted)];
    });
  }
}

function templateKey(stream: string, window: number): string {
  return `${stream}|${window}`;
}
