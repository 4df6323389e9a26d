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
  const oldest = rule.oldestMs * 1e6;
  const newest = (nowMs + rule.maxAheadMs) * 1e6;
  let newestUnset = 0;
  let newestAhead = 0;
  const items = walkItems(signal, body, entry, (at, isStart) => {
    // Rounded to some hundred nanoseconds, which no bound here minds; zero means unknown.
    const time = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    if (isStart || time === 0) return;
    if (time < oldest) newestUnset = Math.max(newestUnset, time);
    else if (time > newest) newestAhead = Math.max(newestAhead, time);
  });
  if (newestUnset === 0 && newestAhead === 0) return { items, offsetMs: undefined };
  const unsetMs = newestUnset === 0 ? 0 : nowMs - Math.floor(newestUnset / 1e6);
  const aheadMs = newestAhead === 0 ? 0 : nowMs - Math.floor(newestAhead / 1e6);
  walkItems(signal, body, entry, (at) => {
    const time = view.getBigUint64(at, true);
    if (time === 0n) return;
    const timeMs = Number(time / NS_PER_MS);
    const offsetMs =
      timeMs < rule.oldestMs ? unsetMs : timeMs > nowMs + rule.maxAheadMs ? aheadMs : 0;
    // Times of two wrong clocks, centuries apart, cannot all keep their distance.
    const moved = Math.max(timeMs + offsetMs, offsetMs === 0 ? timeMs : rule.oldestMs);
    view.setBigUint64(at, BigInt(moved) * NS_PER_MS + (time % NS_PER_MS), true);
  });
  return { items, offsetMs: unsetMs === 0 ? aheadMs : unsetMs };
}
