import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { SIGNALS, type Signal } from './export-request.ts';
import type { ExportHeaders } from './otlp-headers.ts';

/** What was read of an export request before its body. */
export interface RequestHead {
  readonly signal: Signal;
  readonly headers: ExportHeaders;
  /** Its own size, and that of the body behind it. */
  readonly sizeBytes: number;
  readonly bodyBytes: number;
}

const END = Buffer.from('\r\n\r\n');
const MAX_BYTES = 8 * 1024;
const SIGNAL_OF_LINE = new Map(SIGNALS.map((signal) => [`POST ${signal.path} HTTP/1.1`, signal]));
/** A field name of RFC 9110, 5.1, then printable ASCII up to a CR that the LF follows at once. */
const FIELD = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e]*)\r\n/y;
const WHOLE_NUMBER = /^(?:0|[1-9][0-9]{0,9})$/;

/** Fields that say where a request ends, or that it is more than a request; and those read here. */
const FRAMING = new Set(['transfer-encoding', 'trailer', 'upgrade', 'expect']);
const READ: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'content-length'],
  ...['content-type', 'content-encoding', 'authorization', HTTP_BATCH_ID],
]);

/**
 * Reads the head of an export request that leaves no doubt about itself: whole, with its path spelt
 * out, one host, one plain content-length, each field once that matters, and nothing that changes where
 * the body ends (RFC 9112, 6.3). Null for anything else: what is unusual, old, wrong or ambiguous is left
 * to node:http, so no request means two things.
 */
export function readRequestHead(bytes: Buffer): RequestHead | null {
  const end = bytes.indexOf(END);
  if (end < 0 || end > MAX_BYTES) return null;
  const text = bytes.toString('latin1', 0, end + 2);
  const lineEnd = text.indexOf('\r\n');
  const signal = SIGNAL_OF_LINE.get(text.slice(0, lineEnd));
  if (signal === undefined) return null;
  const fields = readFields(text, lineEnd + 2);
  const length = fields?.['content-length'];
  if (fields?.host === undefined || length === undefined || !WHOLE_NUMBER.test(length)) return null;
  if ((fields.connection ?? 'keep-alive').toLowerCase() !== 'keep-alive') return null;
  return {
    signal,
    headers: fields,
    sizeBytes: end + END.length,
    bodyBytes: Number(length),
  };
}

type Fields = ExportHeaders & { readonly host?: string; readonly connection?: string };

/** By their names in lower case; null when one is unreadable, stands twice or may not be there. */
function readFields(text: string, from: number): Fields | null {
  const fields: Record<string, string> = {};
  let at = from;
  while (at < text.length) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(text);
    if (match === null) return null;
    at = FIELD.lastIndex;
    const name = (match[1] ?? '').toLowerCase();
    if (FRAMING.has(name)) return null;
    if (!READ.has(name)) continue;
    if (fields[name] !== undefined) return null;
    fields[name] = (match[2] ?? '').trim();
  }
  return fields;
}
