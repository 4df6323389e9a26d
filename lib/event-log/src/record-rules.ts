import type { CommittedPosition, LogRecord } from './event-log.ts';
import { InvalidRecordError } from './log-errors.ts';

const MAX_KEY_CHARACTERS = 256;
const MAX_HEADERS = 32;
const MAX_HEADER_CHARACTERS = 4096;
const MAX_METADATA_CHARACTERS = 4096;

/** Kafka's rule for topic names (Topic.java, LEGAL_CHARS and MAX_NAME_LENGTH), so both logs agree. */
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;
const GROUP = /^[A-Za-z0-9._-]{1,128}$/;
/** A key ends up in logs and file names; controls and lone surrogates would not survive the way. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f]/;

export function checkTopic(topic: string): void {
  if (!TOPIC.test(topic) || topic === '.' || topic === '..') {
    throw new InvalidRecordError(
      `topic ${JSON.stringify(topic)} must be 1 to 249 of A-Z a-z 0-9 . _ - and not . or ..`,
    );
  }
}

export function checkGroup(group: string): void {
  if (!GROUP.test(group)) {
    throw new InvalidRecordError(
      `group ${JSON.stringify(group)} must be 1 to 128 of A-Z a-z 0-9 . _ -`,
    );
  }
}

/** Throws InvalidRecordError naming the record's place and the broken rule. */
export function checkRecords(records: readonly LogRecord[], maxRecordBytes: number): void {
  records.forEach((record, index) => {
    const problem =
      keyProblem(record.key) ??
      headersProblem(record.headers) ??
      valueProblem(record, maxRecordBytes);
    if (problem !== null) throw new InvalidRecordError(`record ${index}: ${problem}`);
  });
}

function keyProblem(key: string): string | null {
  if (typeof key !== 'string' || key.length === 0) return 'the key is empty';
  if (key.length > MAX_KEY_CHARACTERS) {
    return `the key has more than ${MAX_KEY_CHARACTERS} characters`;
  }
  if (CONTROLS.test(key) || !key.isWellFormed()) {
    return 'the key has control characters or lone surrogates';
  }
  return null;
}

function headersProblem(headers: LogRecord['headers']): string | null {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return `more than ${MAX_HEADERS} headers`;
  for (const [name, value] of entries) {
    if (name.length === 0) return 'a header has no name';
    if (typeof value !== 'string') return `header ${name} is not text`;
    if (name.length + value.length > MAX_HEADER_CHARACTERS) {
      return `a header has more than ${MAX_HEADER_CHARACTERS} characters`;
    }
    if (!name.isWellFormed() || !value.isWellFormed()) return 'a header has lone surrogates';
  }
  return null;
}

function valueProblem({ value }: LogRecord, maxRecordBytes: number): string | null {
  if (!(value instanceof Uint8Array)) return 'the value is not bytes';
  if (value.byteLength > maxRecordBytes) return `the value has more than ${maxRecordBytes} bytes`;
  return null;
}

export function checkPosition(position: CommittedPosition, endOffset: number): void {
  const { offset, metadata } = position;
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > endOffset) {
    throw new InvalidRecordError(`offset ${offset} lies outside 0 to ${endOffset}`);
  }
  if (metadata.length > MAX_METADATA_CHARACTERS || !metadata.isWellFormed()) {
    throw new InvalidRecordError(
      `metadata must be well-formed text of at most ${MAX_METADATA_CHARACTERS} characters`,
    );
  }
}
