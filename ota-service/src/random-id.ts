import { randomInt } from 'node:crypto';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 12;

/** `<prefix>_` and 12 of [0-9a-z]: 62 bits, so ids neither collide nor can be guessed one by one. */
export function newRandomId(prefix: string): string {
  const characters = Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(36)));
  return `${prefix}_${characters.join('')}`;
}
