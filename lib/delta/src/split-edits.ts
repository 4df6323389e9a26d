import type { Edit } from './edit-script.ts';

/** Edits in groups that make `sizeBytes` of target each (the last one less): one that crosses is cut in two. */
export function* splitEdits(edits: Iterable<Edit>, sizeBytes: number): Generator<Edit[]> {
  let group: Edit[] = [];
  let room = sizeBytes;
  for (const edit of edits) {
    let { baseOffset, copyLength, literalLength } = edit;
    while (copyLength + literalLength > 0) {
      const copied = Math.min(copyLength, room);
      const literal = Math.min(literalLength, room - copied);
      group.push({ baseOffset, copyLength: copied, literalLength: literal });
      baseOffset += copied;
      copyLength -= copied;
      literalLength -= literal;
      room -= copied + literal;
      if (room === 0) {
        yield group;
        group = [];
        room = sizeBytes;
      }
    }
  }
  if (group.length > 0) yield group;
}

/** The bytes that the edits do not copy. */
export function literalsOf(edits: readonly Edit[], target: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { copyLength, literalLength } of edits) {
    at += copyLength + literalLength;
    parts.push(target.subarray(at - literalLength, at));
  }
  return Buffer.concat(parts);
}

/** How many of the edits' target bytes the base does not hold where they are copied from. */
export function countNews(
  read: (offset: number, length: number) => Uint8Array,
  target: Uint8Array,
  edits: readonly Edit[],
): number {
  let news = 0;
  let at = 0;
  for (const { baseOffset, copyLength, literalLength } of edits) {
    const copied = target.subarray(at, at + copyLength);
    const base = read(baseOffset, copyLength);
    if (Buffer.compare(base, copied) !== 0) {
      for (let i = 0; i < copyLength; i++) if (base[i] !== copied[i]) news++;
    }
    news += literalLength;
    at += copyLength + literalLength;
  }
  return news;
}

/** Target bytes [from, to). */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** The part of at most `sizeBytes` that takes the most literals and edits. */
export function liveliestPart(edits: readonly Edit[], sizeBytes: number): Part {
  let best = { from: 0, to: 0, news: -1 };
  let from = 0;
  for (const group of splitEdits(edits, sizeBytes)) {
    const size = group.reduce((sum, edit) => sum + edit.copyLength + edit.literalLength, 0);
    const news = group.reduce((sum, edit) => sum + 1 + edit.literalLength, 0);
    if (news > best.news) best = { from, to: from + size, news };
    from += size;
  }
  return { from: best.from, to: best.to };
}

/** The edits of that part alone, counted from its beginning; one that crosses a border is cut. */
export function cutEdits(edits: readonly Edit[], { from, to }: Part): Edit[] {
  const cut: Edit[] = [];
  let at = 0;
  for (const { baseOffset, copyLength, literalLength } of edits) {
    const middle = at + copyLength;
    const end = middle + literalLength;
    const first = Math.max(from, at);
    const copied = Math.max(0, Math.min(middle, to) - first);
    const literal = Math.max(0, Math.min(end, to) - Math.max(middle, from));
    const skipped = copied > 0 ? first - at : copyLength;
    if (copied + literal > 0) {
      cut.push({ baseOffset: baseOffset + skipped, copyLength: copied, literalLength: literal });
    }
    at = end;
  }
  return cut;
}
