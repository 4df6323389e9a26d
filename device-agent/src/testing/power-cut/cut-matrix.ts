import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeOtaServer } from '../fake-ota-server.ts';
import type { CutSide, PowerCut } from './failing-power.ts';
import { playStory, type StoryEnd, type StoryOptions, type StoryResult } from './update-story.ts';

/** The power is simulated: what a disk would take its time for is lost in memory as well. */
const IN_MEMORY = '/dev/shm';
const SIDES: readonly CutSide[] = ['before', 'torn', 'after'];

export interface MatrixOptions extends Omit<StoryOptions, 'folder' | 'server' | 'cuts'> {
  /** As a patch on `old`, instead of whole. */
  readonly isDelta: boolean;
  /** 1 plays every single cut, 7 each seventh of them. */
  readonly every: number;
  /** Stories cut at a random byte of the slot, with what was not flushed lost in part. */
  readonly bytes: number;
  /** Stories with two cuts beside all those with one. */
  readonly pairs: number;
}

export interface MatrixCell {
  readonly step: string;
  readonly end: StoryEnd;
  /** Cuts of the story that came to pass. */
  readonly cuts: number;
}

/** A cut in one start of the machine, none in those before. */
interface PlacedCut {
  readonly start: number;
  readonly cut: PowerCut;
  readonly step: string;
}

/** Every durable write of an update, cut before, torn and after; then random bytes and pairs of cuts. */
export async function playMatrix(options: MatrixOptions): Promise<MatrixCell[]> {
  const server = await FakeOtaServer.start();
  server.pollAfterMs = 5;
  const { kind, old, next, isDelta } = options;
  server.offer = server.deployment({
    version: next.version,
    artifact: next.bytes,
    ...(isDelta && { base: old.bytes }),
    release: { format: kind === 'directory' ? 'tar' : 'image' },
  });
  try {
    return await playAll(options, server);
  } finally {
    await server.stop();
  }
}

async function playAll(options: MatrixOptions, server: FakeOtaServer): Promise<MatrixCell[]> {
  const { random } = options;
  const plain = await play(options, server, []);
  const places = placesOf(plain);
  const pick = () => {
    const place = places[Math.floor(random() * places.length)];
    if (place === undefined) throw new Error('the update has no durable write');
    return place;
  };
  const stories: { step: string; cuts: (PowerCut | null)[] }[] = places
    .filter((_, index) => index % options.every === 0)
    .map((place) => ({ step: place.step, cuts: placed(place) }));
  for (let index = 0; index < options.bytes; index += 1) {
    const atByte = 1 + Math.floor(random() * (plain.slotBytes[0] ?? 0));
    stories.push({ step: 'a byte of the slot', cuts: [{ kind: 'byte', atByte }] });
  }
  for (let index = 0; index < options.pairs; index += 1) {
    stories.push({ step: 'two cuts', cuts: [...placed(pick()), pick().cut] });
  }
  const cells: MatrixCell[] = [];
  for (const { step, cuts } of stories) {
    const { end, cutsMade } = await play(options, server, cuts);
    // Timers decide how many writes a run has: the last few cuts may find none.
    if (cutsMade > 0) cells.push({ step, end, cuts: cutsMade });
  }
  return cells;
}

function placesOf({ writes }: StoryResult): PlacedCut[] {
  return writes.flatMap((names, start) =>
    names.flatMap((step, index) =>
      SIDES.map((side): PlacedCut => {
        return { start, cut: { kind: 'write', index: index + 1, side }, step };
      }),
    ),
  );
}

function placed({ start, cut }: PlacedCut): (PowerCut | null)[] {
  return [...Array<null>(start).fill(null), cut];
}

async function play(
  options: MatrixOptions,
  server: FakeOtaServer,
  cuts: readonly (PowerCut | null)[],
): Promise<StoryResult> {
  const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'flotilla-cuts-'));
  try {
    return await playStory({ ...options, server, folder, cuts });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
