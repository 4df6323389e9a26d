import { AnchorIndex } from './anchor-index.ts';
import { baseView, viewImage, type BaseView } from './base-view.ts';
import { CachedImage } from './cached-image.ts';
import { findEdits, type Edit } from './edit-script.ts';
import type { ImageSource } from './image-source.ts';
import { LocalBase, SEGMENT_BYTES } from './local-base.ts';
import { findLongMatches, type LongMatch } from './long-matches.ts';
import { buildSuffixArray } from './suffix-array.ts';
import { SuffixSearch } from './suffix-search.ts';

/** A base up to this size is searched as a whole; of a larger one as much for each block. */
export const MAX_SEARCHED_BYTES = 16 * 1024 * 1024;

/** Of a larger base: at least so much, and so much for each byte between long matches. */
const MIN_SEARCHED_BYTES = 2 * 1024 * 1024;
const SEARCHED_PER_NEW_BYTE = 8;

/** Searches for edits that make one block; `minGainFar` as in `findEdits`. */
export type BlockSearch = (minGainFar: number) => readonly Edit[];

/**
 * Finds edits block by block. Memory: 14 bytes per byte of base searched at once (224 MiB), the
 * anchors of a larger base (40 MiB) and 16 MiB of it.
 */
export class EditFinder {
  readonly #base: ImageSource;
  readonly #whole: SuffixSearch | null;
  readonly #index: AnchorIndex | null;
  #seen: SeenBase | null = null;

  constructor(base: ImageSource) {
    this.#base = base;
    if (base.sizeBytes <= MAX_SEARCHED_BYTES) {
      const bytes = base.read(0, base.sizeBytes);
      this.#whole = new SuffixSearch(bytes, buildSuffixArray(bytes));
      this.#index = null;
    } else {
      this.#whole = null;
      this.#index = new AnchorIndex(base);
    }
  }

  /** Offsets of the edits count from the start of what the block sees of the base. */
  search(target: Uint8Array, blockOffset: number): BlockSearch {
    if (this.#whole !== null) {
      const whole = this.#whole;
      const start = Math.min(blockOffset, whole.base.length);
      return (gain) => [...findEdits(whole, target, gain, start)];
    }
    return this.#searchLarge(target, blockOffset);
  }

  #see(blockOffset: number): SeenBase {
    const view = baseView(this.#base.sizeBytes, blockOffset);
    if (this.#seen?.view.from === view.from) return this.#seen;
    const image = viewImage(this.#base, view);
    return (this.#seen = { view, image, cached: new CachedImage(image) });
  }

  #searchLarge(target: Uint8Array, offsetInImage: number): BlockSearch {
    const index = this.#index;
    if (index === null) throw new TypeError('a small base is searched as a whole');
    const { view, image, cached } = this.#see(offsetInImage);
    const blockOffset = offsetInImage - view.from;
    const votes = new Map<number, number>();
    const matches = findLongMatches(
      target,
      blockOffset,
      cached,
      (hash) => index.find(hash) - view.from,
      (place, length) => {
        const segment = Math.floor(place / SEGMENT_BYTES);
        votes.set(segment, (votes.get(segment) ?? 0) + length);
      },
    );
    const gaps = gapsBetween(matches, target.length, blockOffset);
    if (gaps.length === 0) return () => matches.map(asEdit);
    const local = new LocalBase(image, chooseSegments(votes, gaps, image.sizeBytes));
    const search = new SuffixSearch(local.bytes, buildSuffixArray(local.bytes));
    return (gain) => [...joinEdits(target, matches, gaps, local, search, gain)];
  }
}

interface SeenBase {
  readonly view: BaseView;
  readonly image: ImageSource;
  readonly cached: CachedImage;
}

/** Target bytes between long matches; the base would go on at `baseOffset`. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly baseOffset: number;
}

function gapsBetween(matches: readonly LongMatch[], size: number, blockOffset: number): Gap[] {
  const gaps: Gap[] = [];
  let from = 0;
  let baseOffset = blockOffset;
  for (const match of [...matches, { targetOffset: size, baseOffset: 0, length: 0 }]) {
    if (match.targetOffset > from) gaps.push({ from, to: match.targetOffset, baseOffset });
    from = match.targetOffset + match.length;
    baseOffset = match.baseOffset + match.length;
  }
  return gaps;
}

/** The segments where gaps would go on, then those with most anchors, as many as may be searched. */
function chooseSegments(
  votes: ReadonlyMap<number, number>,
  gaps: readonly Gap[],
  baseSize: number,
): Set<number> {
  const most = segmentsToSearch(gaps);
  const chosen = new Set<number>();
  const last = Math.floor((baseSize - 1) / SEGMENT_BYTES);
  for (const { from, to, baseOffset } of gaps) {
    const first = Math.floor(Math.max(0, baseOffset - SEGMENT_BYTES / 4) / SEGMENT_BYTES);
    const end = Math.floor((baseOffset + to - from + SEGMENT_BYTES / 4) / SEGMENT_BYTES);
    for (let s = first; s <= Math.min(end, last) && chosen.size < (most * 3) / 4; s++)
      chosen.add(s);
  }
  const byVotes = [...votes].sort((a, b) => b[1] - a[1]);
  for (const [segment] of byVotes) {
    if (chosen.size >= most) break;
    chosen.add(segment);
  }
  return chosen;
}

/** Little that is new needs little base around it: to order 16 MiB takes seconds. */
function segmentsToSearch(gaps: readonly Gap[]): number {
  const bytes = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  const wanted = Math.max(MIN_SEARCHED_BYTES, SEARCHED_PER_NEW_BYTE * bytes);
  return Math.ceil(Math.min(wanted, MAX_SEARCHED_BYTES) / SEGMENT_BYTES);
}

function* joinEdits(
  target: Uint8Array,
  matches: readonly LongMatch[],
  gaps: readonly Gap[],
  local: LocalBase,
  search: SuffixSearch,
  gain: number,
): Generator<Edit> {
  let nextGap = 0;
  for (const match of [...matches, null]) {
    const gap = gaps[nextGap];
    if (gap !== undefined && (match === null || gap.from < match.targetOffset)) {
      nextGap++;
      const bytes = target.subarray(gap.from, gap.to);
      const start = local.toLocal(gap.baseOffset);
      for (const edit of findEdits(search, bytes, gain, start)) {
        yield* local.toBase(edit);
      }
    }
    if (match === null) return;
    yield asEdit(match);
  }
}

function asEdit({ baseOffset, length }: LongMatch): Edit {
  return { baseOffset, copyLength: length, literalLength: 0 };
}
