import { GRUB_SIGNATURE, hasSignature } from './grub-environment.ts';

/**
 * The block after GRUB's save_env (or grub-editenv) put these values, none of which needs escaping, into
 * it, damaged or not: the first line of a name is replaced where it stands, a name without one is added
 * in the padding. Null when it refuses the block and writes nothing: its first line is lost, its padding
 * does not follow a line, or there is no room. As GRUB 2.06's grub-core/lib/envblk.c.
 */
export function saveIntoBlock(block: Buffer, values: ReadonlyMap<string, string>): Buffer | null {
  if (!hasSignature(block)) return null;
  let text: string | null = block.toString('latin1');
  for (const [name, value] of values) {
    text = setValue(text, name, value);
    if (text === null) return null;
  }
  return Buffer.from(text, 'latin1');
}

function setValue(text: string, name: string, value: string): string | null {
  const used = text.replace(/#+$/, '');
  if (!used.endsWith('\n')) return null;
  const at = findValue(used, `${name}=`);
  if (at === null) return fit(`${used}${name}=${value}\n`, text.length);
  const end = endOfLine(text, at);
  if (end >= text.length) return null;
  return fit(`${used.slice(0, at)}${value}${used.slice(end)}`, text.length);
}

/** Padded; null when it is too long. */
function fit(used: string, length: number): string | null {
  return used.length > length ? null : used.padEnd(length, '#');
}

/** Where the value of the first line begins that starts so. */
function findValue(used: string, start: string): number | null {
  for (let at = GRUB_SIGNATURE.length; at < used.length; at = endOfLine(used, at) + 1) {
    if (used.startsWith(start, at) && at + start.length < used.length) return at + start.length;
  }
  return null;
}

/** Of the line feed that ends it; a backslash takes the next character with it. */
function endOfLine(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}
