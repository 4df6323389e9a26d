import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TearingCut, TearSide } from './tearing-power.ts';
import {
  UpdateStory,
  type Artifact,
  type DeviceKind,
  type StoryEnd,
  type StoryResult,
} from './update-story.ts';

const SIDES: readonly TearSide[] = ['before', 'torn', 'after'];

export interface MatrixOptions {
  readonly kind: DeviceKind;
  readonly isGood: boolean;
  readonly old: Artifact;
  readonly next: Artifact;
  /** 0 to 1. */
  readonly random: () => number;
  /** 1 plays every single cut, 7 each seventh of them. */
  readonly every: number;
  /** Stories with two cuts beside all those with one. */
  readonly pairs: number;
}

export interface MatrixCell {
  readonly step: string;
  readonly side: TearSide;
  readonly end: StoryEnd;
}

/** Every durable write of an update, cut before, torn and after; then random pairs of cuts. */
export async function playMatrix(options: MatrixOptions): Promise<MatrixCell[]> {
  const plain = await play(options, []);
  const cells: MatrixCell[] = [];
  const all: { start: number; cut: TearingCut; step: string }[] = [];
  for (const [start, names] of plain.writes.entries()) {
    for (const [index, step] of names.entries()) {
      for (const side of SIDES) all.push({ start, cut: { index: index + 1, side }, step });
    }
  }
  for (const { start, cut, step } of all.filter((_, index) => index % options.every === 0)) {
    const { end } = await play(options, at(start, cut));
    cells.push({ step, side: cut.side, end });
  }
  for (let pair = 0; pair < options.pairs; pair += 1) {
    const first = all[Math.floor(options.random() * all.length)];
    const second = all[Math.floor(options.random() * all.length)];
    if (first === undefined || second === undefined) break;
    const cuts = [...at(first.start, first.cut), second.cut];
    const { end, cutsMade } = await play(options, cuts);
    // The second may lie behind the last write of its run, then it is not counted.
    if (cutsMade === 2) cells.push({ step: 'two cuts', side: second.cut.side, end });
  }
  return cells;
}

/** No cut in the starts before. */
function at(start: number, cut: TearingCut): TearingCut[] {
  const none: TearingCut = { index: Number.MAX_SAFE_INTEGER, side: 'before' };
  return [...Array<TearingCut>(start).fill(none), cut];
}

async function play(options: MatrixOptions, cuts: readonly TearingCut[]): Promise<StoryResult> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-cuts-'));
  try {
    return await UpdateStory.play({ ...options, folder, cuts });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
