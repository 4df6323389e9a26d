import { randomInt } from 'node:crypto';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 12;

/** For DDI devices, which keep the number in a C int. */
export function newRandomActionId(): number {
  return randomInt(1, 2 ** 31);
}

/** `<prefix>_` and 12 of [0-9a-z]: 62 bits, so ids neither collide nor can be guessed one by one. */
export function newRandomId(prefix: string): string {
  const characters = Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(36)));
  return `${prefix}_${characters.join('')}`;
}
