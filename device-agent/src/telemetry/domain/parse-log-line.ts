import { severityOfTens, severityOfWord } from './log-severity.ts';

export type LogFormat = 'plain' | 'json';

/** What a line says of itself. */
export interface ParsedLine {
  readonly body: string;
  /** 0 when it names no level. */
  readonly severityNumber: number;
  /** As the line has it, e.g. `warning`; empty when it names none. */
  readonly severityText: string;
  /** Ms since the epoch. */
  readonly timestampMs: number | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** A level among the first words, bare or in brackets or before a colon, e.g. `[WARN]` or `12:00:01 error:`. */
const LEADING_LEVEL =
  /^(?:\S+\s+){0,3}?[[(<]?(trace|verbose|debug|dbg|info|information|notice|warn|warning|err|error|severe|crit|critical|alert|fatal|panic|emerg|emergency)(?:[\])>:|]|\s|$)/i;
/** Of a runaway line only its beginning can be a level. */
const LEVEL_WITHIN_CHARS = 120;
const LEVEL_FIELDS = ['level', 'severity', 'severity_text', 'lvl', 'levelname'];
const BODY_FIELDS = ['msg', 'message', 'body'];
const TIME_FIELDS = ['time', 'timestamp', 'ts', '@timestamp'];
const TRACE_FIELDS = ['trace_id', 'traceId', 'traceid'];
const SPAN_FIELDS = ['span_id', 'spanId', 'spanid'];
const KNOWN_FIELDS = new Set(
  [LEVEL_FIELDS, BODY_FIELDS, TIME_FIELDS, TRACE_FIELDS, SPAN_FIELDS].flat(),
);
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_CHARS = 1024;
/** Smaller numbers of a time field are seconds, larger ones milliseconds (until the year 5138). */
const SECONDS_BELOW = 1e11;

/** A line of JSON that is no object is a plain one. */
export function parseLogLine(line: string, format: LogFormat): ParsedLine {
  const fields = format === 'json' ? jsonObject(line) : null;
  return fields === null ? parsePlain(line) : parseJson(line, fields);
}

function parsePlain(line: string): ParsedLine {
  const severityText = LEADING_LEVEL.exec(line.slice(0, LEVEL_WITHIN_CHARS))?.[1] ?? '';
  const severityNumber = severityOfWord(severityText);
  const nothing = { timestampMs: null, traceId: null, spanId: null, attributes: {} };
  return { body: line, severityNumber, severityText, ...nothing };
}

function parseJson(line: string, fields: Readonly<Record<string, unknown>>): ParsedLine {
  const level = first(fields, LEVEL_FIELDS);
  const body = first(fields, BODY_FIELDS);
  return {
    body: typeof body === 'string' ? body : line,
    severityNumber: severityOf(level),
    severityText: typeof level === 'string' ? level : '',
    timestampMs: timeOf(first(fields, TIME_FIELDS)),
    traceId: hexId(first(fields, TRACE_FIELDS), 32),
    spanId: hexId(first(fields, SPAN_FIELDS), 16),
    attributes: otherFields(fields),
  };
}

function jsonObject(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === 'object' ? { ...value } : null;
  } catch {
    // Not JSON after all, e.g. a stack trace among JSON lines, or one that was cut.
    return null;
  }
}

function first(fields: Readonly<Record<string, unknown>>, names: readonly string[]): unknown {
  return fields[names.find((name) => fields[name] !== undefined) ?? ''];
}

function severityOf(level: unknown): number {
  if (typeof level === 'string') return severityOfWord(level);
  return typeof level === 'number' ? severityOfTens(level) : 0;
}

function timeOf(value: unknown): number | null {
  if (typeof value === 'number' && value > 0) return value < SECONDS_BELOW ? value * 1000 : value;
  if (typeof value !== 'string') return null;
  const parsed = Date.parse(value);
  return Number.isNaN(parsed) || parsed <= 0 ? null : parsed;
}

/** Lower-case hex of this length and not all zeros, which W3C Trace Context calls invalid. */
function hexId(value: unknown, length: number): string | null {
  if (typeof value !== 'string' || value.length !== length) return null;
  const id = value.toLowerCase();
  return /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id) ? id : null;
}

function otherFields(
  fields: Readonly<Record<string, unknown>>,
): Record<string, string | number | boolean> {
  const attributes: Record<string, string | number | boolean> = {};
  let left = MAX_ATTRIBUTES;
  for (const [name, value] of Object.entries(fields)) {
    if (left === 0) break;
    if (KNOWN_FIELDS.has(name) || value === null || value === undefined) continue;
    left -= 1;
    if (typeof value === 'number' || typeof value === 'boolean') attributes[name] = value;
    else {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      attributes[name] = text.slice(0, MAX_ATTRIBUTE_CHARS);
    }
  }
  return attributes;
}
