import { crc32 } from 'node:zlib';
import type { EnvironmentCopy, EnvironmentFormat } from '../slots/boot-environment-store.ts';
import { fromVariables, toVariables } from './boot-variables.ts';

/** CRC-32 of the data, little-endian, then the flags byte. */
const HEADER_BYTES = 5;

export interface UbootCopy extends EnvironmentCopy {
  /** The counter that tells the newer copy; goes from 255 to 0. */
  readonly flags: number;
  /** Every variable, the board's own ones too. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * U-Boot's redundant environment (CONFIG_SYS_REDUNDAND_ENVIRONMENT; env/common.c, env_check_redund)
 * with the flags byte that counts up, as on eMMC, SD, UBI and files: CRC-32, flags, `name=value` strings
 * each ended by NUL, one NUL more at the end, padding. `sizeBytes` is CONFIG_ENV_SIZE, header included.
 */
export function ubootFormat(sizeBytes: number, tries: number): EnvironmentFormat<UbootCopy> {
  return {
    sizeBytes,
    decode: (bytes) => (bytes.length === sizeBytes ? decodeUboot(bytes) : null),
    isNewer: (first, second) => isNewerFlags(first.flags, second.flags),
    encode: (newest, environment) => {
      const variables = new Map(newest?.variables ?? []);
      for (const [name, value] of Object.entries(toVariables(environment, tries))) {
        variables.set(name, value);
      }
      const flags = ((newest?.flags ?? 0) + 1) & 0xff;
      const bytes = encodeUboot(variables, flags, sizeBytes);
      return { bytes, copy: { flags, variables, environment } };
    },
  };
}

/** Throws UbootEnvironmentError when the variables do not fit. */
export function encodeUboot(
  variables: ReadonlyMap<string, string>,
  flags: number,
  sizeBytes: number,
): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  const text = [...variables].map(([name, value]) => `${name}=${value}\0`).join('');
  const data = Buffer.from(`${text}\0`, 'latin1');
  if (HEADER_BYTES + data.length > sizeBytes) {
    throw new UbootEnvironmentError(
      `the environment needs ${HEADER_BYTES + data.length} bytes and has ${sizeBytes}`,
    );
  }
  data.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 0);
  bytes.writeUInt8(flags, 4);
  return bytes;
}

/** Null when the checksum does not hold. */
export function decodeUboot(bytes: Buffer): UbootCopy | null {
  if (bytes.length <= HEADER_BYTES) return null;
  const data = bytes.subarray(HEADER_BYTES);
  if (crc32(data) !== bytes.readUInt32LE(0)) return null;
  const variables = new Map<string, string>();
  let start = 0;
  while (start < data.length && data[start] !== 0) {
    const end = data.indexOf(0, start);
    // U-Boot and its tools read no further than a string without an end.
    if (end < 0) break;
    const entry = data.toString('latin1', start, end);
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
    start = end + 1;
  }
  return { flags: bytes.readUInt8(4), variables, environment: fromVariables(variables) };
}

/** The first copy wins a tie. */
export function isNewerFlags(first: number, second: number): boolean {
  if (first === 0 && second === 255) return true;
  if (first === 255 && second === 0) return false;
  return first > second;
}

export class UbootEnvironmentError extends Error {
  override readonly name = 'UbootEnvironmentError';
}
