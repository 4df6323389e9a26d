import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 512;
/** Enough for any path or size a pax header carries. */
const MAX_PAX_BYTES = 1024 * 1024;

/** A member of an archive and where its content lies in the file. */
export interface TarEntry {
  readonly name: string;
  readonly kind: 'file' | 'other';
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Walks an uncompressed tar (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU long names) by its headers
 * alone. Throws TarError when it is not one, or is cut short.
 */
export async function* tarEntries(
  file: FileHandle,
  fileSizeBytes: number,
): AsyncGenerator<TarEntry> {
  let offset = 0;
  let pending: Overrides = {};
  while (offset < fileSizeBytes) {
    const header = await readExactly(file, offset, BLOCK_BYTES, fileSizeBytes);
    if (header.every((byte) => byte === 0)) return;
    verifyChecksum(header, offset);
    const type = String.fromCharCode(header[156] ?? 0);
    const bodyOffset = offset + BLOCK_BYTES;
    const sizeBytes = pending.sizeBytes ?? readNumber(header, 124, 12);
    if (bodyOffset + sizeBytes > fileSizeBytes) {
      throw new TarError(`it is cut short: an entry at byte ${offset} ends beyond the file`);
    }
    offset = bodyOffset + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (type === 'x' || type === 'L') {
      if (sizeBytes > MAX_PAX_BYTES) throw new TarError('it has an extended header over 1 MiB');
      const body = await readExactly(file, bodyOffset, sizeBytes, fileSizeBytes);
      pending = { ...pending, ...(type === 'x' ? readPax(body) : { name: cString(body) }) };
      continue;
    }
    if (type === 'g' || type === 'K') continue;
    const kind = type === '0' || type === '\0' ? 'file' : 'other';
    yield { name: pending.name ?? readName(header), kind, offset: bodyOffset, sizeBytes };
    pending = {};
  }
}

/** What a pax or GNU header says about the entry that follows it. */
interface Overrides {
  readonly name?: string;
  readonly sizeBytes?: number;
}

async function readExactly(
  file: FileHandle,
  offset: number,
  length: number,
  fileSizeBytes: number,
): Promise<Buffer> {
  if (offset + length > fileSizeBytes) throw new TarError('it is cut short inside a header');
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw new TarError('it is cut short');
    done += bytesRead;
  }
  return buffer;
}

/** The sum of the header's bytes with the checksum field itself read as blanks. */
function verifyChecksum(header: Buffer, offset: number): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    if (i < 148 || i >= 156) sum += header[i] ?? 0;
  }
  if (sum === readNumber(header, 148, 8)) return;
  throw new TarError(
    offset === 0
      ? 'it does not start with a tar header (an uncompressed tar is expected)'
      : `the header at byte ${offset} has a wrong checksum`,
  );
}

/** Octal text, or big-endian binary when the first bit is set (GNU, for sizes above 8 GiB). */
function readNumber(header: Buffer, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length);
  let value: number;
  if (((field[0] ?? 0) & 0x80) !== 0) {
    value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
  } else {
    const text = cString(field).trim();
    value = /^[0-7]*$/.test(text) ? Number.parseInt(text === '' ? '0' : text, 8) : Number.NaN;
  }
  if (!Number.isSafeInteger(value))
    throw new TarError('a header holds something that is no number');
  return value;
}

function readName(header: Buffer): string {
  const name = cString(header.subarray(0, 100));
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? cString(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records `<length> <keyword>=<value>\n`, the length in bytes and of the whole record. */
function readPax(body: Buffer): Overrides {
  const found: { name?: string; sizeBytes?: number } = {};
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(body.toString('latin1', at, space));
    if (!Number.isInteger(length) || length < 5 || at + length > body.length) {
      throw new TarError('a pax header holds a record of no valid length');
    }
    const record = body.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const [keyword, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (keyword === 'path') found.name = value;
    if (keyword === 'size') found.sizeBytes = paxSize(value);
    at += length;
  }
  return found;
}

function paxSize(value: string): number {
  const sizeBytes = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(sizeBytes)) throw new TarError('a pax header holds no valid size');
  return sizeBytes;
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

export class TarError extends Error {
  override readonly name = 'TarError';
}
