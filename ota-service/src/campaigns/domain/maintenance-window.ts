import { WEEKDAYS, type MaintenanceWindows, type WindowSlot } from '@flotilla/contracts';

export type WindowState =
  | { readonly open: true }
  /** Null when none opens within a fortnight. */
  | { readonly open: false; readonly opensAtMs: number | null };

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const HORIZON_MS = 14 * DAY_MS;

/**
 * Are the windows open by the clock on the wall of this zone? An hour that a wall clock skips is never
 * shown, so a window within it does not open that day; an hour shown twice is open twice.
 */
export function windowAt(
  windows: Pick<MaintenanceWindows, 'slots'>,
  timeZone: string,
  nowMs: number,
): WindowState {
  if (isOpen(windows.slots, wallClockMs(timeZone, nowMs))) return { open: true };
  return { open: false, opensAtMs: nextOpening(windows.slots, timeZone, nowMs) };
}

/**
 * Between two changes of its offset a wall clock runs as any other, so the next opening is computed as if
 * there were none ahead; if there is one before it, the search goes on from that change.
 */
function nextOpening(slots: readonly WindowSlot[], timeZone: string, nowMs: number): number | null {
  let fromMs = nowMs;
  for (;;) {
    const wallMs = wallClockMs(timeZone, fromMs);
    const offsetMs = wallMs - fromMs;
    const opensAtMs = Math.min(...slots.map((slot) => nextBegin(slot, wallMs))) - offsetMs;
    const changesAtMs = firstChange(timeZone, fromMs, Math.min(opensAtMs, fromMs + 8 * DAY_MS));
    if (changesAtMs === null) return opensAtMs - nowMs > HORIZON_MS ? null : opensAtMs;
    if (isOpen(slots, wallClockMs(timeZone, changesAtMs))) return changesAtMs;
    fromMs = changesAtMs;
    if (fromMs - nowMs > HORIZON_MS) return null;
  }
}

function isOpen(slots: readonly WindowSlot[], wallMs: number): boolean {
  return slots.some((slot) => {
    const { fromMs, lengthMs } = spanOf(slot);
    const today = Math.floor(wallMs / DAY_MS);
    // A window that passes midnight belongs to the day on which it began.
    return [today, today - 1].some((day) => {
      const sinceMs = wallMs - (day * DAY_MS + fromMs);
      return isOnDay(slot, day) && sinceMs >= 0 && sinceMs < lengthMs;
    });
  });
}

/** By the wall clock; there is one within a week. */
function nextBegin(slot: WindowSlot, wallMs: number): number {
  const { fromMs } = spanOf(slot);
  const today = Math.floor(wallMs / DAY_MS);
  for (let day = today; day <= today + 7; day += 1) {
    const beginMs = day * DAY_MS + fromMs;
    if (beginMs > wallMs && isOnDay(slot, day)) return beginMs;
  }
  return Infinity;
}

function spanOf({ from, to }: WindowSlot): { readonly fromMs: number; readonly lengthMs: number } {
  const fromMs = timeOfDayMs(from);
  const lengthMs = (timeOfDayMs(to) - fromMs + DAY_MS) % DAY_MS;
  return { fromMs, lengthMs: lengthMs === 0 ? DAY_MS : lengthMs };
}

function timeOfDayMs(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) * MINUTE_MS;
}

/** Days are counted from 1 January 1970, a Thursday. */
function isOnDay({ days }: WindowSlot, day: number): boolean {
  if (days === undefined) return true;
  const weekday = WEEKDAYS[(((day + 3) % 7) + 7) % 7];
  return weekday !== undefined && days.includes(weekday);
}

/** The first minute after `fromMs`, up to `toMs`, whose offset is another; a zone changes it once in a week. */
function firstChange(timeZone: string, fromMs: number, toMs: number): number | null {
  const offsetAt = (ms: number) => wallClockMs(timeZone, ms) - ms;
  const offsetMs = offsetAt(fromMs);
  if (offsetAt(toMs) === offsetMs) return null;
  let before = Math.floor(fromMs / MINUTE_MS);
  let after = Math.ceil(toMs / MINUTE_MS);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(middle * MINUTE_MS) === offsetMs) before = middle;
    else after = middle;
  }
  return after * MINUTE_MS;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the wall clock shows, read as if it were UTC. Throws RangeError for what is no zone. */
function wallClockMs(timeZone: string, atMs: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    // There are some hundred zones, and as many spellings as upper and lower case make.
    if (formats.size < 1000) formats.set(timeZone, format);
  }
  const shown: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(atMs)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((atMs % 1000) + 1000) % 1000);
}
