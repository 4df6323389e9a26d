import { createDelta } from '../../create-delta.ts';

/** A sound patch, to be broken. */
export interface FuzzSeed {
  readonly name: string;
  readonly base: Buffer;
  readonly target: Buffer;
  readonly patch: Buffer;
  /** Where an interrupted device would resume, besides at 0. */
  readonly resumeAtBytes: number;
}

const BLOCK_BITS = 18;

/** Code-like, text and incompressible content, by either method; the last ones have two blocks. */
export function fuzzSeeds(): FuzzSeed[] {
  const noise = pseudoRandomBytes(7, 6000);
  const text = Buffer.from('a sensor reads the air, and the air is read by a sensor. '.repeat(8));
  const edited = Buffer.from(text.toString().replaceAll('air', 'water')).subarray(3);
  const code = machineCode(1, 3000);
  const moved = machineCode(1, 3000, 0x40);
  const long = Buffer.concat([machineCode(3, 240_000), text, Buffer.alloc(60_000)]);
  const longer = Buffer.concat([Buffer.from('news'), long.subarray(0, 240_500), edited, long]);
  const pairs: [string, Buffer, Buffer][] = [
    ['text', text, edited],
    ['code', code, Buffer.concat([moved, noise.subarray(0, 40)])],
    ['noise', text, Buffer.concat([edited, noise.subarray(0, 2000), text])],
    ['from nothing', Buffer.alloc(0), text],
    ['blocks', long, longer.subarray(0, 300_000)],
  ];
  return pairs.flatMap(([name, base, target]) =>
    (['dense', 'fast'] as const).map((methods) => ({
      name: `${name}, ${methods}`,
      base,
      target,
      patch: Buffer.from(createDelta(base, target, { methods, blockBits: BLOCK_BITS })),
      resumeAtBytes: target.length > 2 ** BLOCK_BITS ? 2 ** BLOCK_BITS : 0,
    })),
  );
}

/** Words of which some are addresses, `shift` further on in a later build. */
function machineCode(seed: number, length: number, shift = 0): Buffer {
  const bytes = Buffer.alloc(length);
  const noise = pseudoRandomBytes(seed, 4096);
  for (let at = 0; at + 4 <= length; at += 4) {
    const word = noise.readUInt32LE((at * 7) % 4092);
    bytes.writeUInt32LE(word % 5 === 0 ? (0x0800_0000 + (word & 0xffff) + shift) >>> 0 : word, at);
  }
  return bytes;
}

export function pseudoRandomBytes(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
