import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  applyDelta,
  bufferBase,
  createDelta,
  DeltaError,
  readDeltaHeader,
  type DeltaErrorCode,
} from '../src/index.ts';
import { FRAME_HEADER_BYTES, writeFrame } from '../src/mixing-frame.ts';
import {
  BLOCK_HEADER_BYTES,
  HEADER_SIZE_BYTES,
  METHOD_MIXING,
  METHOD_STREAMS,
  writeBlockHeader,
  writeHeader,
} from '../src/patch-format.ts';
import { applyInMemory, inPieces } from '../src/testing/pieces.ts';

const base = Buffer.from('a sensor reads the air, and the air is read by a sensor. '.repeat(5));
const target = Buffer.from(base.toString().replaceAll('air', 'water')).subarray(3);
const patch = Buffer.from(createDelta(base, target, { methods: 'dense' }));
const fastPatch = Buffer.from(createDelta(base, target, { methods: 'fast' }));
const FRAME_AT = HEADER_SIZE_BYTES + BLOCK_HEADER_BYTES + 1;

async function refusal(made: Promise<unknown>): Promise<DeltaError> {
  const error: unknown = await made.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeltaError);
  return error as DeltaError;
}

async function expectCode(bytes: Uint8Array, code: DeltaErrorCode, on = base): Promise<void> {
  expect((await refusal(applyInMemory(on, bytes))).code).toBe(code);
}

function withFixedHeaderCrc(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_SIZE_BYTES - 4)), HEADER_SIZE_BYTES - 4);
  return bytes;
}

/** One block of the patch's own header and history, as only a forger makes it. */
function forge(coded: Buffer, raw = new Uint8Array(0)): Buffer {
  const frame = writeFrame(1, coded, raw);
  const payloadBytes = 1 + frame.length;
  return Buffer.concat([
    patch.subarray(0, HEADER_SIZE_BYTES),
    writeBlockHeader({ method: METHOD_MIXING, payloadBytes }),
    patch.subarray(FRAME_AT - 1, FRAME_AT),
    frame,
  ]);
}

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('a malformed patch', () => {
  it('is sound before we break it', async () => {
    for (const sound of [patch, fastPatch]) {
      expect((await applyInMemory(base, sound)).equals(target)).toBe(true);
    }
  });

  it.each([
    ['dense', patch],
    ['fast', fastPatch],
  ])('is refused when cut at any byte (%s)', { timeout: 300_000 }, async (_name, sound) => {
    for (let length = 0; length < sound.length; length++) {
      const error = await refusal(applyInMemory(base, sound.subarray(0, length)));
      expect(error.code).toBe('truncated');
    }
  });

  it.each([
    ['dense', patch],
    ['fast', fastPatch],
  ])(
    'is refused, or harmless, when any bit is flipped (%s)',
    { timeout: 300_000 },
    async (_name, sound) => {
      for (let bit = 0; bit < sound.length * 8; bit++) {
        const broken = Buffer.from(sound);
        broken[bit >> 3] = broken[bit >> 3]! ^ (1 << (bit & 7));
        const outcome = await applyInMemory(base, broken).catch((error: unknown) => error);
        if (outcome instanceof Buffer) expect(outcome.equals(target)).toBe(true);
        else expect(outcome).toBeInstanceOf(DeltaError);
      }
    },
  );

  it('is refused or harmless after 5,000 changes that keep its checksums', async () => {
    const next = random(42);
    const codes = new Map<string, number>();
    for (let round = 0; round < 5000; round++) {
      const payload = Buffer.from(patch.subarray(FRAME_AT + FRAME_HEADER_BYTES));
      for (let changes = 1 + next(3); changes > 0; changes--) {
        payload[next(payload.length)] = next(256);
      }
      const outcome = await applyInMemory(base, forge(payload)).then(
        (made) => (made.equals(target) ? 'same' : 'WRONG'),
        (error: unknown) => (error instanceof DeltaError ? error.code : String(error)),
      );
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    for (const outcome of codes.keys()) {
      expect(['same', 'corrupt', 'target_mismatch', 'too_large']).toContain(outcome);
    }
    expect(codes.get('same') ?? 0).toBeLessThan(100);
    // Seconds of CPU: what a busy machine stretches to a minute is no fault of the codec's.
  }, 300_000);

  it.each([
    ['bytes after the last block', Buffer.concat([patch, Buffer.of(0)]), 'corrupt'],
    ['another magic', Buffer.concat([Buffer.from('BSDI'), patch.subarray(4)]), 'bad_magic'],
    ['nothing at all', Buffer.alloc(0), 'truncated'],
    ['random bytes', Buffer.from('x'.repeat(500)), 'bad_magic'],
  ] as const)('is refused for %s', async (_name, bytes, code) => expectCode(bytes, code));

  it('is refused for a later version', async () => {
    const later = Buffer.from(patch);
    later[4] = 3;
    await expectCode(withFixedHeaderCrc(later), 'unsupported_version');
    expect(() => readDeltaHeader(later)).toThrow(DeltaError);
  });

  it.each([0, 11, 19, 31, 255])('is refused for a model of 2^%d slots', async (tableBits) => {
    const greedy = Buffer.from(patch);
    greedy[5] = tableBits;
    await expectCode(withFixedHeaderCrc(greedy), 'corrupt');
  });

  it('is refused when raw literals do not match the edits', async () => {
    const coded = patch.subarray(FRAME_AT + FRAME_HEADER_BYTES);
    for (const rawBytes of [1, 5000])
      await expectCode(forge(coded, new Uint8Array(rawBytes)), 'corrupt');
  });

  it.each([
    ['method', 0],
    ['length', 1],
  ])('is refused when a block lies about its %s', { timeout: 300_000 }, async (_name, offset) => {
    for (const sound of [patch, fastPatch]) {
      const lying = Buffer.from(sound);
      lying[HEADER_SIZE_BYTES + offset] = lying[HEADER_SIZE_BYTES + offset]! + 7;
      await expectCode(lying, 'corrupt');
    }
  });

  it('is refused for reserved bytes in use', async () => {
    const odd = Buffer.from(patch);
    odd[7] = 1;
    await expectCode(withFixedHeaderCrc(odd), 'corrupt');
  });
});

describe('the wrong images', () => {
  it('are told before anything is written', async () => {
    const other = Buffer.from(base);
    other[5] = 0;
    for (const wrong of [other, base.subarray(1), Buffer.alloc(0)]) {
      let writes = 0;
      const made = applyDelta({
        base: bufferBase(wrong),
        patch: inPieces(patch),
        write: async () => {
          writes++;
        },
      });
      expect((await refusal(made)).code).toBe('base_mismatch');
      expect(writes).toBe(0);
    }
  });

  it('include a base that shrinks under our hands', async () => {
    const shrinking = { sizeBytes: base.length, read: async () => base.subarray(0, 10) };
    const made = applyDelta({ base: shrinking, patch: inPieces(patch), write: async () => {} });
    expect((await refusal(made)).code).toBe('base_mismatch');
  });

  it('include a target other than promised', async () => {
    const lying = Buffer.from(patch);
    lying[30] = lying[30]! ^ 1;
    await expectCode(withFixedHeaderCrc(lying), 'target_mismatch');
  });
});

describe('a bomb', () => {
  it('is refused when its target exceeds the limit', async () => {
    const error = await refusal(
      applyInMemory(base, patch, { maxTargetSizeBytes: target.length - 1 }),
    );
    expect(error.code).toBe('too_large');
    expect((await applyInMemory(base, patch, { maxTargetSizeBytes: target.length })).length).toBe(
      target.length,
    );
  });

  it('is refused when its sizes pass 36 bits', async () => {
    const huge = Buffer.from(patch);
    huge.writeUInt32LE(0xffffffff, 22);
    await expectCode(withFixedHeaderCrc(huge), 'too_large');
  });

  it('is refused when a block claims megabytes, before they are buffered', async () => {
    let asked = 0;
    const head = writeBlockHeader({ method: METHOD_STREAMS, payloadBytes: 0xffffffff });
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat([patch.subarray(0, HEADER_SIZE_BYTES), head]);
      for (;;) {
        asked++;
        yield Buffer.alloc(65_536);
      }
    }
    const made = applyDelta({ base: bufferBase(base), patch: endless(), write: async () => {} });
    expect((await refusal(made)).code).toBe('corrupt');
    expect(asked).toBe(0);
  });

  it('never writes more than its header promises', async () => {
    const readable = readDeltaHeader(patch);
    const small = Buffer.concat([
      writeHeader({ ...readable, targetSizeBytes: 10 }),
      patch.subarray(HEADER_SIZE_BYTES),
    ]);
    let written = 0;
    const made = applyDelta({
      base: bufferBase(base),
      patch: inPieces(small),
      write: async (chunk) => {
        written += chunk.length;
      },
    });
    expect(['corrupt', 'target_mismatch']).toContain((await refusal(made)).code);
    expect(written).toBeLessThanOrEqual(10);
  });
});

describe('faults that are not the patch’s', () => {
  it('pass through, and the source is let go', async () => {
    const full = new Error('disk full');
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield patch;
        yield patch;
      } finally {
        closed = true;
      }
    }
    const made = applyDelta({
      base: bufferBase(base),
      patch: source(),
      write: () => Promise.reject(full),
    });
    await expect(made).rejects.toBe(full);
    expect(closed).toBe(true);
  });
});
