/**
 * Probabilities and their log odds as integers, so that every device decodes alike. Log odds
 * ("stretch") run from -2047 to 2047 in steps of 1/256; probabilities are 16 bits wide.
 */

/** e^(1/256), correctly rounded. Powers come from IEEE 754 products alone: Math.exp may vary. */
const STEP = 1.0039138893383475;

/** Indexed by log odds + 2048; a 16-bit probability, never 0 nor 65536. */
export const SQUASH: Uint16Array = buildSquash();
/** Indexed by the upper 12 bits of a probability; log odds. */
export const STRETCH: Int16Array = buildStretch();

function buildSquash(): Uint16Array {
  const table = new Uint16Array(4096);
  let power = 1;
  for (let x = 0; x < 2048; x++) {
    const p = Math.floor((65536 * power) / (1 + power));
    table[2048 + x] = Math.min(p, 65535);
    table[2048 - x] = Math.max(65536 - p, 1);
    power *= STEP;
  }
  table[0] = table[1] as number;
  return table;
}

function buildStretch(): Int16Array {
  const table = new Int16Array(4096);
  let x = 0;
  for (let i = 0; i < 4096; i++) {
    const middle = i * 16 + 8;
    while (x < 4095 && (SQUASH[x] as number) < middle) x++;
    table[i] = x - 2048;
  }
  return table;
}

/** How far the n-th observation in a context moves its probability, in 1/16384: about 1/(n + 1.2). */
export function adaptationRates(limit: number): Int32Array {
  const table = new Int32Array(limit + 1);
  for (let n = 0; n <= limit; n++) table[n] = Math.floor((16384 * 10) / (10 * n + 12));
  return table;
}
