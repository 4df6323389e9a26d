/** A weekly stretch of local time; one that ends at or before its start reaches into the next day. */
export interface MaintenanceWindow {
  /** On which it starts, 0 for Sunday to 6. */
  readonly days: readonly number[];
  /** After midnight. */
  readonly startMinute: number;
  readonly endMinute: number;
}

export interface MaintenanceTimes {
  /** Empty: at any time. */
  readonly windows: readonly MaintenanceWindow[];
  /** IANA name such as `Europe/Berlin`. */
  readonly timeZone: string;
}

export type PreconditionDecision =
  | { readonly kind: 'go' }
  | {
      readonly kind: 'wait';
      readonly reason: 'window' | 'battery' | 'hook';
      /** For a person. */
      readonly why: string;
      /** When to look again, null when nothing says. */
      readonly untilMs: number | null;
    };

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const DAY_MINUTES = 1440;

/** Open now, or when the next window begins (an hour off when summer time changes before it). */
export function decideMaintenance(times: MaintenanceTimes, nowMs: number): PreconditionDecision {
  const { windows, timeZone } = times;
  if (windows.length === 0) return { kind: 'go' };
  const { day, minute } = localTime(nowMs, timeZone);
  if (windows.some((window) => isOpen(window, day, minute))) return { kind: 'go' };
  const minutes = Math.min(...windows.map((window) => minutesUntil(window, day, minute)));
  const untilMs = Math.floor(nowMs / 60_000) * 60_000 + minutes * 60_000;
  return { kind: 'wait', reason: 'window', why: 'outside the maintenance window', untilMs };
}

/** `Mon-Fri 22:00-05:00; Sat,Sun 00:00-24:00`, days left out for all. Throws WindowSyntaxError. */
export function parseWindows(text: string): MaintenanceWindow[] {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseWindow);
}

function parseWindow(text: string): MaintenanceWindow {
  const match = /^(?:(\S+) )?(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text);
  if (match === null) throw new WindowSyntaxError(text);
  const [, days, ...clock] = match;
  const [startHour = 99, startMinutes = 99, endHour = 99, endMinutes = 99] = clock.map(Number);
  const startMinute = startHour * 60 + startMinutes;
  const endMinute = endHour * 60 + endMinutes;
  const isClock = startMinutes < 60 && endMinutes < 60;
  if (!isClock || startMinute >= DAY_MINUTES || endMinute > DAY_MINUTES) {
    throw new WindowSyntaxError(text);
  }
  return { days: parseDays(days, text), startMinute, endMinute };
}

function parseDays(text: string | undefined, whole: string): number[] {
  if (text === undefined) return [0, 1, 2, 3, 4, 5, 6];
  return text.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map((name) => DAYS.findIndex((d) => d === name));
    if (first === undefined || last === undefined || first < 0 || last < 0) {
      throw new WindowSyntaxError(whole);
    }
    const count = ((last - first + 7) % 7) + 1;
    return Array.from({ length: count }, (_, index) => (first + index) % 7);
  });
}

function durationOf({ startMinute, endMinute }: MaintenanceWindow): number {
  return (endMinute - startMinute + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
}

function isOpen(window: MaintenanceWindow, day: number, minute: number): boolean {
  return [0, 1].some((daysAgo) => {
    const elapsed = minute + daysAgo * DAY_MINUTES - window.startMinute;
    const startDay = (day - daysAgo + 7) % 7;
    return window.days.includes(startDay) && elapsed >= 0 && elapsed < durationOf(window);
  });
}

function minutesUntil(window: MaintenanceWindow, day: number, minute: number): number {
  const starts = [0, 1, 2, 3, 4, 5, 6, 7]
    .filter((ahead) => window.days.includes((day + ahead) % 7))
    .map((ahead) => ahead * DAY_MINUTES + window.startMinute - minute);
  return Math.min(...starts.filter((minutes) => minutes > 0));
}

function localTime(nowMs: number, timeZone: string): { day: number; minute: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const day = DAYS.findIndex((name) => name === parts.get('weekday'));
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

export class WindowSyntaxError extends Error {
  override readonly name = 'WindowSyntaxError';
  constructor(text: string) {
    super(`"${text}" is no window such as "Mon-Fri 22:00-05:00"`);
  }
}
