import { BLOCK_HEADER_BYTES, HEADER_SIZE_BYTES } from '../../patch-format.ts';
import { pseudoRandomBytes, type FuzzSeed } from './fuzz-seeds.ts';
import { isStreams, pack, putTogether, sealHeader, takeApart, unpack } from './patch-parts.ts';
import type { PatchParts } from './patch-parts.ts';

/** A whole number from 0 to below `below`. */
export type Pick = (below: number) => number;

export interface PatchMutation {
  readonly name: string;
  /** A broken patch; the seed's own bytes stay as they are. */
  readonly breakPatch: (seed: FuzzSeed, pick: Pick) => Buffer;
}

const MIB = 1024 * 1024;
/** Where whole numbers like to go wrong. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

export const PATCH_MUTATIONS: readonly PatchMutation[] = [
  {
    name: 'random bytes',
    breakPatch: (_seed, pick) => pseudoRandomBytes(pick(2 ** 31), pick(400)),
  },
  {
    name: 'random behind a sound header',
    breakPatch: ({ patch }, pick) =>
      Buffer.concat([
        patch.subarray(0, HEADER_SIZE_BYTES),
        pseudoRandomBytes(pick(2 ** 31), pick(3000)),
      ]),
  },
  { name: 'truncated', breakPatch: ({ patch }, pick) => patch.subarray(0, pick(patch.length)) },
  { name: 'bits flipped', breakPatch: ({ patch }, pick) => flipBits(patch, 0, pick) },
  { name: 'spliced', breakPatch: splice },
  { name: 'header lies', breakPatch: lieInHeader },
  { name: 'block header lies', breakPatch: lieInBlockHeader },
  { name: 'history, dictionary or pieces lie', breakPatch: forged(lieAboutBase) },
  { name: 'forged coded bytes', breakPatch: forged(forgeCoded) },
  { name: 'forged raw literals', breakPatch: forged(forgeRaw) },
  { name: 'forged edits', breakPatch: forged(forgeEdits) },
  { name: 'forged lengths of streams', breakPatch: forged(forgeLengths) },
  { name: 'bombs in streams', breakPatch: forged(plantBomb) },
];

function flipBits(bytes: Buffer, from: number, pick: Pick): Buffer {
  const broken = Buffer.from(bytes);
  if (broken.length <= from) return broken;
  for (let flips = 1 + pick(8); flips > 0; flips--) {
    const at = from + pick(broken.length - from);
    broken.writeUInt8(broken.readUInt8(at) ^ (1 << pick(8)), at);
  }
  return broken;
}

/** Pieces left out, doubled, or put elsewhere. */
function splice({ patch }: FuzzSeed, pick: Pick): Buffer {
  const [from = 0, to = 0] = [pick(patch.length), pick(patch.length)].sort((a, b) => a - b);
  const piece = patch.subarray(from, Math.min(to, from + 300));
  const at = pick(patch.length);
  const kept = pick(2) === 0 ? patch : Buffer.concat([patch.subarray(0, from), patch.subarray(to)]);
  return Buffer.concat([kept.subarray(0, at), piece, kept.subarray(at)]);
}

/** Any field but magic and version, with the checksum right. */
function lieInHeader({ patch }: FuzzSeed, pick: Pick): Buffer {
  const lie = Buffer.from(patch);
  const field = pick(6);
  if (field < 3) lie.writeUInt8(pick(2) === 0 ? pick(32) : pick(256), 5 + field);
  else lie.writeUInt8(pick(256), 8 + pick(26));
  if (field === 3) lie.writeUInt32LE(edge(pick), 8);
  if (field === 4) lie.writeUInt32LE(edge(pick), 21);
  return sealHeader(lie);
}

function lieInBlockHeader({ patch }: FuzzSeed, pick: Pick): Buffer {
  const lie = Buffer.from(patch);
  if (lie.length < HEADER_SIZE_BYTES + BLOCK_HEADER_BYTES) return lie.subarray(1);
  if (pick(3) === 0) lie.writeUInt8(pick(4), HEADER_SIZE_BYTES);
  else lie.writeUInt32LE(edge(pick), HEADER_SIZE_BYTES + 1);
  return lie;
}

function edge(pick: Pick): number {
  const near = (EDGES[pick(EDGES.length)] ?? 0) + pick(5) - 2;
  return pick(2) === 0 ? pick(2 ** 20) : (near + 2 ** 32) % 2 ** 32;
}

/** Lengths and checksums fit whatever `change` makes: what only a forger sends. */
function forged(change: (parts: PatchParts, pick: Pick) => PatchParts) {
  return ({ patch }: FuzzSeed, pick: Pick): Buffer => {
    const parts = takeApart(patch);
    return parts === null ? patch.subarray(1) : putTogether(change(parts, pick));
  };
}

function lieAboutBase(parts: PatchParts, pick: Pick): PatchParts {
  const range = Buffer.alloc(8);
  range.writeUInt32LE(edge(pick), 0);
  range.writeUInt32LE(edge(pick), 4);
  if (isStreams(parts)) {
    return { ...parts, frameHead: Buffer.concat([range, parts.frameHead.subarray(8)]) };
  }
  if (pick(4) === 0) return { ...parts, frameHead: Buffer.of(pick(256)) };
  const kind = pick(4);
  return { ...parts, history: Buffer.concat([Buffer.of(kind), range.subarray(0, kind * 4)]) };
}

function forgeCoded(parts: PatchParts, pick: Pick): PatchParts {
  const which = pick(parts.streams.length);
  const streams = parts.streams.map((stream, i) =>
    i === which || i === 0 ? flipBits(stream, 0, pick) : stream,
  );
  return { ...parts, streams };
}

function forgeRaw(parts: PatchParts, pick: Pick): PatchParts {
  const noise = pseudoRandomBytes(pick(2 ** 31), pick(3000));
  const last = parts.streams.length - 1;
  const content = isStreams(parts) ? pack(noise) : noise;
  return { ...parts, streams: parts.streams.map((s, i) => (i === last ? content : s)) };
}

/** Of the streams method: other numbers, or more or fewer; of the other one: other bits. */
function forgeEdits(parts: PatchParts, pick: Pick): PatchParts {
  const [control = Buffer.alloc(0), ...others] = parts.streams;
  if (!isStreams(parts)) {
    const coded = pseudoRandomBytes(pick(2 ** 31), pick(2000));
    return {
      ...parts,
      streams: [Buffer.concat([control.subarray(0, pick(40)), coded]), ...others],
    };
  }
  const numbers = flipBits(unpack(control), 0, pick);
  const grown = Buffer.concat([numbers, pseudoRandomBytes(pick(2 ** 31), pick(20))]);
  const edits = [numbers, grown, grown.subarray(0, pick(grown.length + 1))][pick(3)] ?? grown;
  const frameHead = Buffer.from(parts.frameHead);
  frameHead.writeUIntLE(edits.length, 8, 3);
  return { ...parts, frameHead, streams: [pack(edits), ...others] };
}

function forgeLengths(parts: PatchParts, pick: Pick): PatchParts {
  const which = pick(parts.streams.length);
  const streams = parts.streams.map((stream, i) => {
    if (i !== which) return stream;
    const grown = Buffer.concat([stream, pseudoRandomBytes(pick(2 ** 31), pick(5000))]);
    return pick(2) === 0 ? grown : stream.subarray(0, pick(stream.length + 1));
  });
  return { ...parts, streams };
}

/** Zeros by the megabyte in some bytes; windows larger than allowed; edits of one byte each. */
function plantBomb(parts: PatchParts, pick: Pick): PatchParts {
  const which = pick(parts.streams.length);
  const isEdits = isStreams(parts) && which === 0;
  const bytes = isEdits ? tinyEdits(1 + pick(100_000)) : Buffer.alloc(1 + pick(4) * MIB);
  const frameHead = Buffer.from(parts.frameHead);
  if (isEdits) frameHead.writeUIntLE(bytes.length & 0xffffff, 8, 3);
  const stream = isStreams(parts) ? pack(bytes) : bytes.subarray(0, 200_000);
  return { ...parts, frameHead, streams: parts.streams.map((s, i) => (i === which ? stream : s)) };
}

function tinyEdits(count: number): Buffer {
  const bytes = Buffer.alloc(3 * count);
  for (let i = 0; i < count; i++) bytes.writeUInt8(1, 3 * i + 1 + (i & 1));
  return bytes;
}
