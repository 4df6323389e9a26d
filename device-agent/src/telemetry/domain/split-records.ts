const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Of a line, what a start pattern sees: keeps a costly pattern from reading a runaway line. */
const MAX_PATTERN_CHARS = 1024;

export interface SplitRules {
  /** More of one record is not kept. The bytes that are split must have room for more than this. */
  readonly maxRecordBytes: number;
  /** A line that it matches begins a record, the others go on with the one before; null: every line does. */
  readonly startPattern: RegExp | null;
}

export interface SplitRecord {
  /** Where it begins, in bytes from the start of what was split. */
  readonly offset: number;
  readonly text: string;
  readonly truncated: boolean;
}

export interface SplitResult {
  readonly records: readonly SplitRecord[];
  /** Bytes that are dealt with; what follows is not yet a whole record. */
  readonly consumed: number;
  /** The bytes that follow are the rest of a line that was cut. */
  readonly skipping: boolean;
}

/**
 * Splits bytes of a log file, read from a place where a record begins (or inside a cut line, when
 * `skipping`), into records of UTF-8 text. Bytes that are no UTF-8 become U+FFFD. With `isEnd` the
 * last record is taken as it is, without waiting for its line feed or for the next one's start.
 */
export function splitRecords(
  bytes: Uint8Array,
  skipping: boolean,
  isEnd: boolean,
  rules: SplitRules,
): SplitResult {
  let at = 0;
  if (skipping) {
    const lineFeed = bytes.indexOf(LINE_FEED);
    if (lineFeed === -1) return { records: [], consumed: bytes.length, skipping: !isEnd };
    at = lineFeed + 1;
  }
  const records: SplitRecord[] = [];
  while (at < bytes.length) {
    const end = recordEnd(bytes, at, isEnd, rules);
    if (end !== null) {
      records.push(recordOf(bytes, at, end, rules.maxRecordBytes));
      at = end;
    } else if (bytes.length - at > rules.maxRecordBytes) {
      records.push(recordOf(bytes, at, bytes.length, rules.maxRecordBytes));
      const atLineEnd = bytes.at(-1) === LINE_FEED;
      return { records, consumed: bytes.length, skipping: !atLineEnd };
    } else break;
  }
  return { records, consumed: at, skipping: false };
}

/** Behind the record's last line feed; null while it is not known to be whole. */
function recordEnd(
  bytes: Uint8Array,
  from: number,
  isEnd: boolean,
  { startPattern, maxRecordBytes }: SplitRules,
): number | null {
  let end = bytes.indexOf(LINE_FEED, from) + 1;
  if (end === 0) return isEnd ? bytes.length : null;
  if (startPattern === null) return end;
  while (end < bytes.length && end - from <= maxRecordBytes) {
    const next = bytes.indexOf(LINE_FEED, end) + 1;
    if (next === 0 && !isEnd) return null;
    const lineEnd = next === 0 ? bytes.length : next;
    const line = decode(bytes.subarray(end, Math.min(lineEnd, end + MAX_PATTERN_CHARS)), true);
    if (startPattern.test(line)) return end;
    end = lineEnd;
  }
  return isEnd || end - from > maxRecordBytes ? end : null;
}

function recordOf(bytes: Uint8Array, from: number, end: number, maxBytes: number): SplitRecord {
  let last = end;
  if (bytes[last - 1] === LINE_FEED) last -= 1;
  if (last > from && bytes[last - 1] === CARRIAGE_RETURN) last -= 1;
  const truncated = last - from > maxBytes;
  const kept = bytes.subarray(from, truncated ? from + maxBytes : last);
  return { offset: from, text: decode(kept, truncated), truncated };
}

/** A cut may have halved the last character: that half is left out, unlike bytes that are no UTF-8. */
function decode(bytes: Uint8Array, isCut: boolean): string {
  return new TextDecoder().decode(bytes, { stream: isCut });
}
