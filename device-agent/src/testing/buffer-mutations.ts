/** `other` is a whole piece of the same kind and length. Returns a new buffer. */
export type BufferMutation = (whole: Buffer, other: Buffer, random: () => number) => Buffer;

const below = (random: () => number, limit: number) => Math.floor(random() * limit);

const flipBits: BufferMutation = (whole, _other, random) => {
  const bytes = Buffer.from(whole);
  for (let count = 1 + below(random, 8); count > 0; count -= 1) {
    const at = below(random, bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
  }
  return bytes;
};

/** The first half kilobyte holds what counts. */
const changeAByte: BufferMutation = (whole, _other, random) => {
  const bytes = Buffer.from(whole);
  bytes[below(random, Math.min(300, bytes.length))] = below(random, 256);
  return bytes;
};

const overwriteARun: BufferMutation = (whole, _other, random) => {
  const bytes = Buffer.from(whole);
  const start = below(random, bytes.length);
  const noise = Buffer.from(
    Array.from({ length: 1 + below(random, 80) }, () => below(random, 256)),
  );
  noise.copy(bytes, start);
  return bytes;
};

const fillARun: BufferMutation = (whole, _other, random) => {
  const bytes = Buffer.from(whole);
  const start = below(random, bytes.length);
  const fill = [0, 0xff, 0x23, 0x0a][below(random, 4)] ?? 0;
  const end = Math.min(bytes.length, start + 1 + below(random, 512));
  return bytes.fill(fill, start, end);
};

/** As a write that was cut off. */
const tear: BufferMutation = (whole, other, random) => {
  const at = below(random, whole.length);
  return Buffer.concat([whole.subarray(0, at), other.subarray(at)]);
};

const tearBackwards: BufferMutation = (whole, other, random) => tear(other, whole, random);

const truncate: BufferMutation = (whole, _other, random) =>
  Buffer.from(whole.subarray(0, below(random, whole.length)));

const shift: BufferMutation = (whole, _other, random) => {
  const at = 1 + below(random, 64);
  return Buffer.concat([whole.subarray(at), whole.subarray(0, at)]);
};

const repeatAPart: BufferMutation = (whole, _other, random) => {
  const bytes = Buffer.from(whole);
  const from = below(random, bytes.length);
  whole.copy(bytes, below(random, bytes.length), from, from + 1 + below(random, 120));
  return bytes;
};

/** Turns one word into another in one place, as nothing but bad luck or bad will does. */
const swapAWord: BufferMutation = (whole, _other, random) => {
  const words = [
    'writing',
    'written',
    'good...',
    'trial..',
    'bad....',
    'empty..',
    '=0',
    '=3',
    'A B',
  ];
  const text = whole.toString('latin1');
  const present = words.filter((word) => text.includes(word));
  const from = present[below(random, present.length)] ?? '=0';
  const fitting = words.filter((word) => word.length === from.length && word !== from);
  const to = fitting[below(random, fitting.length)] ?? from.replace(/./g, '#');
  return Buffer.from(text.replace(from, to), 'latin1');
};

const noise: BufferMutation = (whole, _other, random) =>
  Buffer.from(Array.from({ length: whole.length }, () => below(random, 256)));

export const MUTATIONS: readonly BufferMutation[] = [
  flipBits,
  changeAByte,
  overwriteARun,
  fillARun,
  tear,
  tearBackwards,
  truncate,
  shift,
  repeatAPart,
  swapAWord,
  noise,
];
