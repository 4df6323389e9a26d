import { severityOfSyslog } from './log-severity.ts';

/** An entry of `journalctl --output=json` (systemd.journal-fields(7)). */
export interface JournalEntry {
  readonly cursor: string;
  readonly body: string;
  /** 0 when the entry has no PRIORITY. */
  readonly severityNumber: number;
  /** Ms since the epoch. */
  readonly timestampMs: number | null;
  readonly unit: string | null;
  readonly identifier: string | null;
  readonly pid: number | null;
}

const MAX_BODY_CHARS = 16_384;

/** Null when the line is no entry: not JSON, or without a cursor. */
export function parseJournalEntry(line: string): JournalEntry | null {
  let fields: Readonly<Record<string, unknown>>;
  try {
    const value: unknown = JSON.parse(line);
    if (value === null || typeof value !== 'object') return null;
    fields = { ...value };
  } catch {
    // A line that was cut by the end of the child.
    return null;
  }
  const cursor = textOf(fields['__CURSOR']);
  if (cursor === null) return null;
  const priority = numberOf(fields['PRIORITY']);
  const microseconds = numberOf(fields['__REALTIME_TIMESTAMP']);
  return {
    cursor,
    body: (textOf(fields['MESSAGE']) ?? '').slice(0, MAX_BODY_CHARS),
    severityNumber: priority === null ? 0 : severityOfSyslog(priority),
    timestampMs: microseconds === null ? null : Math.floor(microseconds / 1000),
    unit: textOf(fields['_SYSTEMD_UNIT']),
    identifier: textOf(fields['SYSLOG_IDENTIFIER']),
    pid: numberOf(fields['_PID']),
  };
}

/** A value that is no UTF-8 comes as an array of bytes, a field given twice as an array of values. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const items: readonly unknown[] = value;
  if (items.every((item) => typeof item === 'number')) {
    return new TextDecoder().decode(Uint8Array.from(items));
  }
  return items.length > 0 ? textOf(items[0]) : null;
}

function numberOf(value: unknown): number | null {
  const text = textOf(value);
  return text !== null && /^\d{1,16}$/.test(text) ? Number(text) : null;
}
