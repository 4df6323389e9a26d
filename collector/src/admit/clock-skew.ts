import { walkItems, type SignalName } from './item-walk.ts';

export interface ClockRule {
  /** Times further ahead of ours than this are a wrong clock's. */
  readonly maxAheadMs: number;
  /** Times before this are a clock's that was never set (1970, or the year of its chip). */
  readonly oldestMs: number;
}

/** By how much times were moved: forward for a clock never set, back for one that runs ahead. */
export interface ClockCorrection {
  readonly items: number;
  readonly offsetMs: number | undefined;
}

const NS_PER_MS = 1_000_000n;

/**
 * Moves, in place, the times of one resource that no clock can have meant. A device without a clock
 * still has to be seen, and a point dated in 2106 would open a partition that no TTL ever ends. All
 * times before the oldest move together so that the newest of them is now, and so do all that lie too
 * far ahead: distances between them stay. Plausible times, however old, are left alone: a device may
 * be offline for days. Start times move with their points and never decide.
 */
export function correctTimes(
  signal: SignalName,
  body: Uint8Array,
  entry: { readonly start: number; readonly end: number },
  rule: ClockRule,
  nowMs: number,
): ClockCorrection {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  // Rounded to some hundred nanoseconds, which no bound here minds; zero means unknown.
  const timeAt = (at: number) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const oldest = rule.oldestMs * 1e6;
  const newest = (nowMs + rule.maxAheadMs) * 1e6;
  let newestUnset = 0;
  let newestAhead = 0;
  const items = walkItems(signal, body, entry, (at, isStart) => {
    const time = timeAt(at);
    if (isStart || time === 0) return;
    if (time < oldest) newestUnset = Math.max(newestUnset, time);
    else if (time > newest) newestAhead = Math.max(newestAhead, time);
  });
  if (newestUnset === 0 && newestAhead === 0) return { items, offsetMs: undefined };
  const unsetMs = newestUnset === 0 ? 0 : nowMs - Math.floor(newestUnset / 1e6);
  const aheadMs = newestAhead === 0 ? 0 : nowMs - Math.floor(newestAhead / 1e6);
  walkItems(signal, body, entry, (at) => {
    const time = timeAt(at);
    const offsetMs = time < oldest ? unsetMs : time > newest ? aheadMs : 0;
    if (time === 0 || offsetMs === 0) return;
    const exact = view.getBigUint64(at, true);
    // Times of two wrong clocks, centuries apart, cannot all keep their distance.
    const movedMs = Math.max(Number(exact / NS_PER_MS) + offsetMs, rule.oldestMs);
    view.setBigUint64(at, BigInt(movedMs) * NS_PER_MS + (exact % NS_PER_MS), true);
  });
  return { items, offsetMs: unsetMs === 0 ? aheadMs : unsetMs };
}
