import type { CommittedPosition } from '@flotilla/event-log';

/** What was replayed of one partition: all below `offset`, and some at or above it. */
export interface ReplayMark {
  readonly offset: number;
  /** Rising, none below `offset`. */
  readonly beyond: readonly number[];
}

/** What a broker takes as metadata of a commit by default. */
const MAX_METADATA_CHARACTERS = 4000;
const PREFIX = 'replayed:';

/** The letters picked lie too far apart to be written down in one commit. */
export class ScatteredReplayError extends Error {
  override readonly name = 'ScatteredReplayError';
}

export function isReplayed(mark: ReplayMark, offset: number): boolean {
  return offset < mark.offset || mark.beyond.includes(offset);
}

/** `replayed` added; a gapless run at the front moves the offset on. */
export function withReplayed(mark: ReplayMark, replayed: readonly number[]): ReplayMark {
  const known = new Set([...mark.beyond, ...replayed].filter((offset) => offset >= mark.offset));
  let { offset } = mark;
  while (known.delete(offset)) offset += 1;
  return { offset, beyond: [...known].sort((a, b) => a - b) };
}

/** As `replayed:3,7-9` beside the committed offset. Throws ScatteredReplayError. */
export function toPosition({ offset, beyond }: ReplayMark): CommittedPosition {
  const runs: [number, number][] = [];
  for (const at of beyond) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === at - 1) last[1] = at;
    else runs.push([at, at]);
  }
  const text = runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
  const metadata = text === '' ? '' : `${PREFIX}${text}`;
  if (metadata.length > MAX_METADATA_CHARACTERS) {
    throw new ScatteredReplayError('replay the oldest letters first: too many gaps to write down');
  }
  return { offset, metadata };
}

/** Throws RangeError for metadata that is not of this command's making. */
export function fromPosition(position: CommittedPosition | null): ReplayMark {
  if (position === null) return { offset: 0, beyond: [] };
  const { offset, metadata } = position;
  if (metadata === '') return { offset, beyond: [] };
  if (!/^replayed:\d+(-\d+)?(,\d+(-\d+)?)*$/.test(metadata)) {
    throw new RangeError(`the group's position carries foreign metadata: ${metadata.slice(0, 80)}`);
  }
  const beyond = metadata
    .slice(PREFIX.length)
    .split(',')
    .flatMap((run) => {
      const [from = 0, to = from] = run.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
  return { offset, beyond };
}
