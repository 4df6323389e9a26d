import type { EnvironmentCopy, EnvironmentFormat } from '../slots/boot-environment-store.ts';
import { areWellFormed, fromVariables, toVariables, UNKNOWN_STATE } from './boot-variables.ts';

/** GRUB's environment block (grub-core/lib/envblk.c) has this size and first line. */
export const GRUB_BLOCK_BYTES = 1024;
export const GRUB_SIGNATURE = '# GRUB Environment Block\n';
/** Longest state; all are padded to it, so that GRUB's save_env replaces each value where it stands. */
const STATE_WIDTH = UNKNOWN_STATE.length;
/** GRUB's scripts cannot count, so the copies are numbered 0, 1, 2, 0, ...: one knows the next. */
const SEQUENCES = 3;

export interface GrubCopy extends EnvironmentCopy {
  readonly sequence: number;
  /** Ours, states without padding. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Two environment blocks that take turns. A block has no checksum and GRUB's scripts cannot make one:
 * `BOOT_CHECK` repeats every value, which a script can compare. A block that was torn, or in which any
 * bit of a value flipped, contradicts itself and counts for nothing. All fits the first 512 bytes, which
 * a disk writes as one.
 */
export function grubFormat(tries: number): EnvironmentFormat<GrubCopy> {
  return {
    sizeBytes: GRUB_BLOCK_BYTES,
    decode: decodeGrub,
    isNewer: (first, second) => first.sequence === nextSequence(second.sequence),
    encode: (newest, environment) => {
      const sequence = newest === null ? 0 : nextSequence(newest.sequence);
      const variables = new Map(Object.entries(toVariables(environment, tries)));
      return { bytes: encodeGrub(variables, sequence), copy: { sequence, variables, environment } };
    },
  };
}

/** The values as GRUB's script compares them, in the order of the check. */
const CHECKED = [
  'BOOT_ORDER',
  'BOOT_TRIES',
  'BOOT_A_LEFT',
  'BOOT_A_STATE',
  'BOOT_B_LEFT',
  'BOOT_B_STATE',
] as const;

export function encodeGrub(variables: ReadonlyMap<string, string>, sequence: number): Buffer {
  const values = grubValues(variables, sequence);
  const lines = [...values].map(([name, value]) => `${name}=${value}\n`);
  const bytes = Buffer.alloc(GRUB_BLOCK_BYTES, '#');
  bytes.write(`${GRUB_SIGNATURE}${lines.join('')}`, 'latin1');
  return bytes;
}

/** The variables of a block, in their order. */
export function grubValues(
  variables: ReadonlyMap<string, string>,
  sequence: number,
): ReadonlyMap<string, string> {
  const values = new Map([['BOOT_SEQUENCE', String(sequence)]]);
  for (const name of CHECKED) {
    const value = variables.get(name) ?? '';
    values.set(name, name.endsWith('_STATE') ? value.padEnd(STATE_WIDTH, '.') : value);
  }
  return values.set('BOOT_CHECK', [...values.values()].join('/'));
}

/** Null when the block is damaged, which is whatever the shipped script would not take either. */
export function decodeGrub(bytes: Buffer): GrubCopy | null {
  const variables = readBlock(bytes);
  if (variables === null) return null;
  const sequence = ['0', '1', '2'].indexOf(variables.get('BOOT_SEQUENCE') ?? '');
  const values = CHECKED.map((name) => variables.get(name) ?? '');
  const check = [String(sequence), ...values].join('/');
  if (sequence < 0 || variables.get('BOOT_CHECK') !== check) return null;
  for (const name of ['BOOT_A_STATE', 'BOOT_B_STATE']) {
    const padded = variables.get(name) ?? '';
    const state = padded.replace(/\.+$/, '');
    if (padded !== state.padEnd(STATE_WIDTH, '.')) return null;
    variables.set(name, state);
  }
  if (!areWellFormed(variables) || !/^[1-9]$/.test(variables.get('BOOT_TRIES') ?? '')) return null;
  return { sequence, variables, environment: fromVariables(variables) };
}

/** As GRUB reads a block: `#` lines are padding, a backslash escapes, the last of a name counts. */
function readBlock(bytes: Buffer): Map<string, string> | null {
  if (!hasSignature(bytes)) return null;
  const text = bytes.toString('latin1');
  const variables = new Map<string, string>();
  let at = GRUB_SIGNATURE.length;
  while (at < text.length) {
    if (text[at] === '#') {
      at = endOfLine(text, at) + 1;
      continue;
    }
    const equals = text.indexOf('=', at);
    const end = equals < 0 ? text.length : endOfLine(text, equals + 1);
    if (end >= text.length) break;
    const value = text.slice(equals + 1, end).replace(/\\([^])/g, '$1');
    variables.set(text.slice(at, equals), value);
    at = end + 1;
  }
  return variables;
}

/** Of the line feed that ends it, or the length of the text. */
function endOfLine(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

export function hasSignature(bytes: Buffer): boolean {
  return bytes.length === GRUB_BLOCK_BYTES && bytes.toString('latin1').startsWith(GRUB_SIGNATURE);
}

export function nextSequence(sequence: number): number {
  return (sequence + 1) % SEQUENCES;
}
